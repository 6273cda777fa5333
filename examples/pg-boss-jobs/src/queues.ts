import { captureScope, type ScopeToken, shardedBatch, shardedJob } from '@sherd/core'
import type PgBoss from 'pg-boss'
import { addReading, report } from './readings.ts'

export interface ReadingJob {
  readonly tenant: string
  readonly value: number
}

export interface ReportJob {
  /** Where whoever asked for the report was connected. */
  readonly scope: ScopeToken
  readonly seconds?: number
}

/** Asks for a report about the current tenant, from within its scope: a request's handler, another job. */
export function requestReport(
  boss: PgBoss,
  data: Omit<ReportJob, 'scope'> = {},
  options: PgBoss.SendOptions = {},
): Promise<string | null> {
  return boss.send('reports', { ...data, scope: captureScope() }, options)
}

/**
 * pg-boss hands over a list of one job. When a job takes longer than `expireInSeconds` it forgets it, and the handler
 * goes on: the signal ends it, and what it runs on the server.
 */
export const makeReport = shardedJob(
  ([job]: PgBoss.Job<ReportJob>[]) => ({
    ...job?.data.scope,
    signal: AbortSignal.timeout((job?.expireInSeconds ?? 0) * 1000),
  }),
  ([job]) => report(job?.data.seconds),
)

const store = shardedBatch(
  ({ data }: PgBoss.Job<ReadingJob>) => data.tenant,
  ({ data }) => addReading(data.value),
)

/** Stores many readings over one connection a shard. pg-boss would fail them all for one that fails. */
export async function storeReadings(boss: PgBoss, jobs: PgBoss.Job<ReadingJob>[]): Promise<void> {
  for (const outcome of await store.settled(jobs)) {
    if (outcome.status === 'rejected')
      await boss.fail('readings', outcome.message.id, outcome.reason as object)
  }
}

export async function startWorkers(boss: PgBoss): Promise<void> {
  await boss.createQueue('reports')
  await boss.createQueue('readings')
  const options = { pollingIntervalSeconds: 0.5 }
  await boss.work<ReportJob>('reports', options, makeReport)
  await boss.work<ReadingJob>('readings', { ...options, batchSize: 100 }, (jobs) => storeReadings(boss, jobs))
}
