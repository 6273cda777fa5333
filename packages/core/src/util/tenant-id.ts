import { TenantInvalidError } from '../errors.ts'
import { quote } from './quote.ts'

/** Characters a tenant id may have at most. */
export const TENANT_ID_MAX_LENGTH = 255

/** Control characters, and halves of surrogate pairs: those have no UTF-8 form, so different ids would become one. */
const FORBIDDEN = /[\p{Cc}\p{Cs}]/u

/**
 * The one spelling of a tenant id: safe whole numbers and bigints become their decimal text, text stays as it is.
 *
 * Nothing is trimmed, folded or composed: two texts that differ are two tenants.
 *
 * @throws TenantInvalidError for anything else: other types, the empty text, more than 255 characters, control
 *   characters, lone surrogates. The message shows at most the beginning of the value, escaped.
 */
export function normalizeTenantId(value: unknown): string {
  if (typeof value === 'string') return checked(value)
  if (typeof value === 'bigint') return checked(value.toString())
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return String(value)
    throw new TenantInvalidError(
      `A tenant id given as a number must be a whole number below 2^53, and this one is ${value}: pass it as text`,
    )
  }
  throw new TenantInvalidError(
    `A tenant id must be text or a whole number, and this one is ${describe(value)}`,
  )
}

function checked(text: string): string {
  if (text === '') throw new TenantInvalidError('A tenant id must not be empty')
  if (isTooLong(text)) {
    throw new TenantInvalidError(
      `A tenant id has at most ${TENANT_ID_MAX_LENGTH} characters, and this one has more: ${quote(text, 32)}`,
    )
  }
  if (FORBIDDEN.test(text)) {
    throw new TenantInvalidError(
      `A tenant id must not contain control characters or broken characters: ${quote(text, 32)}`,
    )
  }
  return text
}

/** Characters are code points; counting them is left out where the code units already decide. */
function isTooLong(text: string): boolean {
  if (text.length <= TENANT_ID_MAX_LENGTH) return false
  return text.length > 2 * TENANT_ID_MAX_LENGTH || Array.from(text).length > TENANT_ID_MAX_LENGTH
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `of type ${typeof value}`
}
