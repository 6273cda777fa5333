import { defaultSharding } from './default-sharding.ts'
import type { FanOutApi } from './fan-out/fan-out-api.ts'
import type { AnyFunction, BatchOptions, JobApi } from './jobs/job-api.ts'
import { createShardedBatch } from './jobs/sharded-batch.ts'
import { createShardedJob } from './jobs/sharded-job.ts'
import { createDb } from './scope/db-handle.ts'
import type { ScopeToken, Target, TenantId } from './scope/scope.ts'
import type { ScopeApi, ShardedKnex } from './scope/scope-api.ts'
import { currentBinding } from './scope/scope-storage.ts'
import type { Scopes } from './scope/scopes.ts'
import { partsOf, type Sharding, type ShardingParts } from './sharding.ts'

// Functions of a Sharding as functions of the package: inside a scope they are those of the Sharding that opened it,
// outside those of the default Sharding. Each is documented on `ScopeApi`, `JobApi` or `FanOutApi`.

function sharding(): ScopeApi {
  return currentBinding()?.rules.api ?? defaultSharding()
}

function parts(): ShardingParts {
  return partsOf(sharding() as Sharding)
}

/** @see {@link ScopeApi.db} */
export const db: ShardedKnex = createDb(
  {
    get unboundKnex() {
      return parts().pools.unboundKnex
    },
    on: (event, listener) => parts().pools.on(event, listener),
    off: (event, listener) => parts().pools.off(event, listener),
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

/** When a job comes, not when its handler is made: the default Sharding may not be there yet. */
function scopes(): Scopes {
  return parts().scopes
}

/** @see {@link JobApi.shardedJob} */
export const shardedJob: JobApi['shardedJob'] = (identify: AnyFunction, handler: AnyFunction) =>
  createShardedJob(scopes, identify, handler) as never

/** @see {@link JobApi.shardedBatch} */
export const shardedBatch: JobApi['shardedBatch'] = (
  identify: AnyFunction,
  handler: AnyFunction,
  options?: BatchOptions,
) => createShardedBatch(scopes, identify, handler, options) as never

/** @see {@link FanOutApi.fanOut} */
export const fanOut: FanOutApi['fanOut'] = (options, fn) => (sharding() as Sharding).fanOut(options, fn)

/** @see {@link FanOutApi.connectedToAllShards} */
export const connectedToAllShards: FanOutApi['connectedToAllShards'] = (fn) =>
  (sharding() as Sharding).connectedToAllShards(fn)

/** @see {@link FanOutApi.fanOutReduce} */
export const fanOutReduce: FanOutApi['fanOutReduce'] = (options: never, fn: never) =>
  (sharding() as Sharding).fanOutReduce(options, fn) as never

/** @see {@link FanOutApi.fanOutStream} */
export const fanOutStream: FanOutApi['fanOutStream'] = (options, fn) =>
  (sharding() as Sharding).fanOutStream(options, fn)
