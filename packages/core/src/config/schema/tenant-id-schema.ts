import { TenantInvalidError } from '../../errors.ts'
import { normalizeTenantId, TENANT_ID_MAX_LENGTH } from '../../util/tenant-id.ts'
import { parsed } from './option.ts'

/** A tenant id as it stands in a file. */
export const tenantIdSchema = parsed(readTenantId, {
  description: 'A tenant id.',
  example: 'acme',
  json: { type: ['string', 'integer'], minLength: 1, maxLength: TENANT_ID_MAX_LENGTH },
})

function readTenantId(value: unknown): { value: string } | string {
  try {
    return { value: normalizeTenantId(value) }
  } catch (error) {
    if (error instanceof TenantInvalidError) {
      return `must be a tenant id: a text of 1 to ${TENANT_ID_MAX_LENGTH} characters without control characters, or a whole number`
    }
    throw error
  }
}
