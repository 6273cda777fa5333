import { Queue, QueueEvents, type Worker } from 'bullmq'
import { type InvoiceJob, QUEUE, startInvoiceWorker } from './invoice-worker.ts'
import type { Written } from './invoices.ts'

export interface Working extends AsyncDisposable {
  readonly queue: Queue<InvoiceJob, Written>
  readonly worker: Worker<InvoiceJob, Written>
  readonly events: QueueEvents
}

/** The queue and one worker in this process; an application has them in two. Disposing lets running jobs finish. */
export async function startWorking(redisUrl: string): Promise<Working> {
  const connection = { url: redisUrl }
  const queue = new Queue<InvoiceJob, Written>(QUEUE, { connection })
  const events = new QueueEvents(QUEUE, { connection })
  const worker = startInvoiceWorker(connection)
  await Promise.all([worker.waitUntilReady(), events.waitUntilReady()])
  return {
    queue,
    worker,
    events,
    async [Symbol.asyncDispose]() {
      await worker.close()
      await events.close()
      await queue.close()
    },
  }
}
