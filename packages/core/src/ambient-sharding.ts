import type { Knex } from 'knex'
import { defaultSharding } from './default-sharding.ts'
import { createDb } from './scope/db-handle.ts'
import type { ScopeToken, Target, TenantId } from './scope/scope.ts'
import type { ScopeApi } from './scope/scope-api.ts'
import { currentBinding } from './scope/scope-storage.ts'
import { partsOf } from './sharding.ts'

// Functions of `ScopeApi` that need a Sharding, as functions of the package: inside a scope they are those of the
// Sharding that opened it, outside those of the default Sharding. Each is documented on `ScopeApi`.

function sharding(): ScopeApi {
  return currentBinding()?.rules.api ?? defaultSharding()
}

/** @see {@link ScopeApi.db} */
export const db: Knex = createDb(
  {
    get unboundKnex() {
      return partsOf(defaultSharding()).pools.unboundKnex
    },
    on: (event, listener) => partsOf(defaultSharding()).pools.on(event, listener),
    off: (event, listener) => partsOf(defaultSharding()).pools.off(event, listener),
  },
  currentBinding,
)

/** @see {@link ScopeApi.connectedTo} */
export function connectedTo<T>(target: Target, fn: () => T | PromiseLike<T>): Promise<Awaited<T>> {
  return sharding().connectedTo(target, fn)
}

/** @see {@link ScopeApi.connectedToTenant} */
export function connectedToTenant<T>(tenant: TenantId, fn: () => T | PromiseLike<T>): Promise<Awaited<T>> {
  return sharding().connectedToTenant(tenant, fn)
}

/** @see {@link ScopeApi.runInScope} */
export function runInScope<T>(token: ScopeToken, fn: () => T | PromiseLike<T>): Promise<Awaited<T>> {
  return sharding().runInScope(token, fn)
}

/** @see {@link ScopeApi.shardFor} */
export function shardFor(tenant: TenantId): Promise<string> {
  return sharding().shardFor(tenant)
}
