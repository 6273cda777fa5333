import type { RequestParts } from './request-options.ts'

/** Of a text that a client may have made up only what harms no log: visible characters, and not without end. */
const HARMLESS = /^[\x21-\x7e]{1,200}$/

/** The framework's own id of a request, else the one that its header `x-request-id` brings. */
export function requestIdOf({ headers, requestId }: RequestParts): string | undefined {
  const given = requestId?.()
  if (typeof given === 'number') return String(given)
  if (typeof given === 'string' && given !== '') return given
  const brought = headers instanceof Headers ? headers.get('x-request-id') : headers['x-request-id']
  return typeof brought === 'string' && HARMLESS.test(brought) ? brought : undefined
}
