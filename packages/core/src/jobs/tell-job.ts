import {
  type JobCompletedMessage,
  type JobStartedMessage,
  jobCompleted,
  jobStarted,
} from '../diagnostics/job-events.ts'
import type { OpenScope } from '../scope/open-scope.ts'

/** Runs a job, or a message of a batch, and tells whoever listens. `describe` is how events name it. */
export async function tellJob<T>(
  { value, endpoint, correlation }: OpenScope,
  describe: () => string,
  run: () => Promise<T>,
): Promise<T> {
  if (!jobStarted.hasSubscribers && !jobCompleted.hasSubscribers) return run()
  const { sharding, clock } = endpoint
  const { shard, role, tenant } = value
  const since = clock.now()
  const message: JobStartedMessage = {
    sharding,
    name: describe(),
    shard,
    role,
    ...(tenant === undefined ? {} : { tenant }),
    correlation,
  }
  jobStarted.publish(message)
  let ok = false
  try {
    const result = await run()
    ok = true
    return result
  } finally {
    jobCompleted.publish({
      ...message,
      ok,
      durationMs: clock.now() - since,
    } satisfies JobCompletedMessage)
  }
}
