import { isThenable } from '../util/thenable.ts'
import type { RequestOptions, RequestParts } from './request-options.ts'
import { pathOf } from './request-path.ts'

/** Whether a request is to be left alone. */
export function skipTest<R>(skip: RequestOptions<R>['skip']): (req: R, parts: RequestParts) => boolean {
  if (skip === undefined) return () => false
  if (typeof skip === 'function') return (req) => answerOf(skip(req))
  return (_req, { url }) => {
    const path = pathOf(url)
    return skip.some((pattern) =>
      typeof pattern === 'string' ? isUnder(path, pattern) : path.search(pattern) !== -1,
    )
  }
}

/** A promise is true, so an async function would skip every request. */
function answerOf(skipped: unknown): boolean {
  if (isThenable(skipped)) throw new TypeError('The option "skip" must answer at once, not with a promise.')
  return Boolean(skipped)
}

function isUnder(path: string, prefix: string): boolean {
  const base = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
  return path === base || path === prefix || path.startsWith(`${base}/`)
}
