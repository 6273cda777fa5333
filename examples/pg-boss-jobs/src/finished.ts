import { setTimeout as sleep } from 'node:timers/promises'
import type PgBoss from 'pg-boss'

/** Waits until a job has come to its end, whichever. */
export async function finished(boss: PgBoss, queue: string, id: string): Promise<PgBoss.JobWithMetadata> {
  for (;;) {
    const job = await boss.getJobById<object>(queue, id)
    if (job === null) throw new Error(`There is no job ${id} in ${queue}.`)
    if (job.state === 'completed' || job.state === 'failed' || job.state === 'cancelled') return job
    await sleep(50)
  }
}
