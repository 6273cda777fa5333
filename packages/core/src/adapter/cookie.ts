import { TenantInvalidError } from '../errors.ts'
import { decodeTenantId } from './decode-tenant-id.ts'
import type { RequestParts } from './request-options.ts'

/**
 * A cookie's one value (https://www.rfc-editor.org/rfc/rfc6265#section-4.2), or undefined. Throws TenantInvalidError
 * when two cookies have the name: which of them a parser takes is not for chance to decide.
 */
export function readCookie(parts: Pick<RequestParts, 'headers'>, name: string): string | undefined {
  const values = cookieValues(parts, name)
  if (values.length > 1) throw new TenantInvalidError(`The cookie "${name}" was sent more than once.`)
  const value = values[0]
  return value === undefined ? undefined : decodeTenantId(value.replace(/^"(.*)"$/, '$1'), 'cookie')
}

/** As they were sent, in their order: one for each cookie that has the name. */
export function cookieValues({ headers }: Pick<RequestParts, 'headers'>, name: string): readonly string[] {
  // Sent in several headers (https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3) it is joined by Node and by Fetch.
  const header = headers instanceof Headers ? headers.get('cookie') : headers.cookie
  const values: string[] = []
  for (const pair of header?.split(';') ?? []) {
    const equals = pair.indexOf('=')
    if (equals !== -1 && pair.slice(0, equals).trim() === name) values.push(pair.slice(equals + 1).trim())
  }
  return values
}
