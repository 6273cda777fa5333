import type { KnexQuery } from './knex-internals.ts'
import type { TimeLimit } from './time-limit.ts'

/**
 * Takes over a builder's `.timeout(ms)`: knex would count from the moment the query was asked for, waiting for its
 * turn included, and would leave the query running on the server. knex looks at the property once more right after
 * handing the query over, so it is taken off until then.
 */
export function takeTimeout(
  query: KnexQuery | string,
  TimeoutError: new (message: string) => Error,
): TimeLimit | undefined {
  if (typeof query === 'string' || !query.timeout) return undefined
  const ms = query.timeout
  query.timeout = undefined
  const error = () => {
    // knex puts it into the error's message.
    query.timeout = ms
    return new TimeoutError('operation timed out')
  }
  return { ms, atEnd: 'cancel', error }
}
