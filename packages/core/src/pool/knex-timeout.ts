import type { KnexQuery } from './knex-internals.ts'
import type { Lease } from './lease.ts'

/**
 * Takes over a builder's `.timeout(ms)`: knex would count from the moment the query was asked for, waiting for its
 * turn included, and would leave the query running on the server. knex looks at the property once more right after
 * handing the query over, so it is taken off until then.
 */
export function takeTimeout(query: KnexQuery | string): number | undefined {
  if (typeof query === 'string' || !query.timeout) return undefined
  const timeoutMs = query.timeout
  query.timeout = undefined
  return timeoutMs
}

/**
 * The query's result, or a KnexTimeoutError when it took longer than `timeoutMs`: not before the server has stopped
 * it, so that nothing of it goes on behind the caller's back.
 */
export async function withTimeout<T>(
  result: Promise<T>,
  timeoutMs: number,
  query: KnexQuery,
  lease: Lease,
  TimeoutError: new (message: string) => Error,
): Promise<T> {
  let isOver = false
  const timer = setTimeout(() => {
    isOver = true
    void lease.cancelRunning()
  }, timeoutMs)
  try {
    return await result
  } catch (error) {
    if (!isOver) throw error
    // knex puts it into the error's message.
    query.timeout = timeoutMs
    throw new TimeoutError('operation timed out')
  } finally {
    clearTimeout(timer)
  }
}
