import { shardedJob } from '@sherd/core'
import { type ConnectionOptions, type Job, Worker } from 'bullmq'
import { type Written, writeInvoice } from './invoices.ts'

/** What is put into the queue. */
export interface InvoiceJob {
  readonly tenant: string
  readonly amount: number
  /** How long it takes the database to check the amount; for the demonstration. */
  readonly checkSeconds?: number
}

export const QUEUE = 'invoices'

/**
 * What every worker of this queue does: find the tenant of the job, run in its scope, give the connection back.
 *
 * BullMQ makes a signal for processors with three parameters; `worker.cancelJob(id)` aborts it, and the job ends there,
 * with its query.
 */
export const processInvoice = shardedJob(
  (job: Job<InvoiceJob, Written>, _token?: string, signal?: AbortSignal) => ({
    tenant: job.data.tenant,
    signal,
  }),
  async (job) => {
    const { amount, checkSeconds = 0 } = job.data
    await job.updateProgress('begun')
    return writeInvoice(amount, checkSeconds)
  },
)

export function startInvoiceWorker(connection: ConnectionOptions): Worker<InvoiceJob, Written> {
  return new Worker<InvoiceJob, Written>(QUEUE, processInvoice, { connection, concurrency: 4 })
}
