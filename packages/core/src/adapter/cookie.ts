import { TenantInvalidError } from '../errors.ts'
import { decodeTenantId } from './decode-tenant-id.ts'

/**
 * A cookie's one value (https://www.rfc-editor.org/rfc/rfc6265#section-4.2), or undefined. Throws TenantInvalidError
 * when two cookies have the name: which of them a parser takes is not for chance to decide.
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  const values: string[] = []
  for (const pair of header?.split(';') ?? []) {
    const equals = pair.indexOf('=')
    if (equals !== -1 && pair.slice(0, equals).trim() === name) values.push(pair.slice(equals + 1).trim())
  }
  if (values.length > 1) throw new TenantInvalidError(`The cookie "${name}" was sent more than once.`)
  const value = values[0]
  return value === undefined ? undefined : decodeTenantId(value.replace(/^"(.*)"$/, '$1'), 'cookie')
}
