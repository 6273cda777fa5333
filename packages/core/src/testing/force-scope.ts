import { ShardUnknownError } from '../errors.ts'
import type { TenantId } from '../scope/scope.ts'
import { partsOf, type Sharding } from '../sharding.ts'
import { normalizeTenantId } from '../util/tenant-id.ts'
import { type Restorable, restorable } from './restorable.ts'

/** A shard, a tenant on the shard that it is routed to, or a tenant on any shard. */
export type ForcedScope =
  | { readonly shard: string; readonly tenant?: TenantId }
  | { readonly shard?: never; readonly tenant: TenantId }

/**
 * Has every request that a middleware of this Sharding binds enter this scope, whatever tenant it names, until the result
 * is restored or disposed. What the middleware skips stays outside, and the scope is locked as ever. For code that is no
 * request there is `connectedTo`.
 *
 * @throws ShardUnknownError, TenantInvalidError
 * @throws Error when a scope is forced already
 */
export function forceScope(sharding: Sharding, { shard, tenant }: ForcedScope): Restorable {
  const parts = partsOf(sharding)
  if (shard !== undefined && !parts.topology.shards.has(shard)) {
    throw new ShardUnknownError(
      `No shard is named ${JSON.stringify(shard)}, so that no request can be forced to it.`,
    )
  }
  if (shard === undefined && tenant === undefined)
    throw new TypeError('forceScope() needs a shard or a tenant.')
  if (parts.forcedTarget !== undefined) throw new Error('A scope is forced already: restore that one first.')
  parts.forcedTarget = {
    ...(shard === undefined ? {} : { shard }),
    ...(tenant === undefined ? {} : { tenant: normalizeTenantId(tenant) }),
  }
  return restorable(() => {
    parts.forcedTarget = undefined
  })
}
