import { currentBinding } from './scope-storage.ts'

/** What tells one line of a log from another. Without what is not known. */
export interface ScopeFields {
  shard?: string
  tenant?: string
  /** The framework's id of the request, else its header `x-request-id`. */
  requestId?: string
}

/**
 * The shard, the tenant and the request of the scope that the code runs in, for any logger: `pino({ mixin: scopeFields })`,
 * or `console.log({ ...scopeFields(), message })`. A new object each time; without any field outside of scopes. Never
 * throws.
 */
export function scopeFields(): ScopeFields {
  const rules = currentBinding()?.rules
  if (rules === undefined) return {}
  const { shard, tenant } = rules.value
  const { requestId } = rules.correlation
  // Called for each line of a log: no spread.
  const fields: ScopeFields = { shard }
  if (tenant !== undefined) fields.tenant = tenant
  if (requestId !== undefined) fields.requestId = requestId
  return fields
}
