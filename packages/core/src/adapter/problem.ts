import { ShardingError } from '../errors.ts'
import type { Answer } from './answer.ts'

/** An answer as RFC 9457 has it (https://www.rfc-editor.org/rfc/rfc9457). */
export type Problem = Answer

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  404: 'Not found',
  503: 'Service temporarily unavailable',
}

/**
 * The HTTP answer to an error of Sherd that is about the request or about capacity (400, 404, 503). Undefined for
 * every other error, mistakes of the programmer (500) included: those belong to the application's error handling.
 *
 * The answer has no message, stack, address or tenant in it.
 */
export function toProblem(
  error: unknown,
  { exposeShard = true }: { exposeShard?: boolean } = {},
): Problem | undefined {
  if (!(error instanceof ShardingError)) return undefined
  const title = TITLES[error.statusCode]
  if (title === undefined) return undefined
  const { statusCode: status, code, shard, retryAfter } = error
  const whenUnavailable = {
    error: title,
    ...(exposeShard && shard !== undefined ? { shard } : {}),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  }
  return {
    status,
    headers: { ...error.headers, 'content-type': 'application/problem+json' },
    body: { type: 'about:blank', title, status, code, ...(status === 503 ? whenUnavailable : {}) },
  }
}
