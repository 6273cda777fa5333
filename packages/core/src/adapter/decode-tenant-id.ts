import { TenantInvalidError } from '../errors.ts'

/** Undoes percent-encoding; throws TenantInvalidError where that is malformed. */
export function decodeTenantId(text: string, where: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TenantInvalidError(`The tenant id in the ${where} is not well-formed percent-encoding.`)
  }
}
