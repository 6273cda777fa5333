import { TenantInvalidError } from '../errors.ts'
import type { RequestParts } from './request-options.ts'

/** The one value of a header, named in lower case, or undefined. Throws TenantInvalidError when it was sent twice. */
export function readHeader(
  { headers, rawHeaders }: Pick<RequestParts, 'headers' | 'rawHeaders'>,
  name: string,
): string | undefined {
  if (headers instanceof Headers) {
    const value = headers.get(name) ?? undefined
    // Fetch joins what was sent twice, and nothing tells afterwards.
    if (value?.includes(', ')) throw sentTwice(name)
    return value
  }
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined
  if (value === undefined) return undefined
  if (Array.isArray(value) || (rawHeaders !== undefined && timesSent(rawHeaders, name) > 1))
    throw sentTwice(name)
  return value
}

/** Node joins most headers that were sent twice and drops the second of others; only the raw list tells. */
function timesSent(rawHeaders: readonly string[], name: string): number {
  let times = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name) times++
  }
  return times
}

function sentTwice(name: string): TenantInvalidError {
  return new TenantInvalidError(`The header "${name}" was sent more than once.`)
}
