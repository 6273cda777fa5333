import { resourcePoolSetup } from '../diagnostics/resource-pool-events.ts'
import { ResourcePoolMissingError } from '../errors.ts'
import { SYSTEM } from './create-resource-pool.ts'
import { PooledResources } from './pooled-resources.ts'
import type { ResourcePool, ResourcePoolStats, ResourceTerms } from './resource-pool.ts'
import type { ResourcePoolOptions } from './resource-pool-options.ts'
import { SlotIndexes } from './slot-indexes.ts'

const KEY = Symbol.for('sherd.resource-pool')

interface Global {
  pool: PooledResources<unknown, unknown> | undefined
  /** What the last pool could not destroy in time keeps its index from the next one. */
  readonly indexes: SlotIndexes
}

/** Anchored globally, so that the ESM and the CommonJS copy agree. */
const anchor = globalThis as { [KEY]?: Global }
anchor[KEY] ??= { pool: undefined, indexes: new SlotIndexes() }
const current = anchor[KEY]

/** One pool for the whole process, for programs that need no other. Each method is documented on `ResourcePool`. */
export interface GlobalResourcePool {
  /**
   * Makes the pool. Throws TypeError for options that make no sense, and Error when there is one already that has not been
   * closed: its resources would have the same indexes.
   */
  setup<T, X = unknown>(options: ResourcePoolOptions<T, X>): ResourcePool<T, X>
  /** Rejects with ResourcePoolMissingError before `setup`, and else as the pool does. */
  with<R, T = unknown>(fn: (resource: T) => R | PromiseLike<R>, terms?: ResourceTerms): Promise<Awaited<R>>
  /** Rejects with ResourcePoolMissingError before `setup`, and else as the pool does. */
  transaction<R, T = unknown, X = unknown>(
    fn: (resource: T, transaction: X) => R | PromiseLike<R>,
    terms?: ResourceTerms,
  ): Promise<Awaited<R>>
  /** Null before `setup` and after `close`. */
  stats(): ResourcePoolStats | null
  /** Does nothing before `setup`. */
  reload(): Promise<void>
  /** Idempotent; does nothing before `setup`. Then there may be another `setup`. */
  close: ResourcePool<unknown>['close']
  /** Whether there is a pool: from `setup` on until `close` is done. */
  isActive(): boolean
}

export const resourcePool: GlobalResourcePool = {
  setup<T, X>(options: ResourcePoolOptions<T, X>): ResourcePool<T, X> {
    if (current.pool !== undefined) {
      throw new Error('The global resource pool has been set up already: await resourcePool.close() first.')
    }
    const pool = new PooledResources(options, { ...SYSTEM, indexes: current.indexes })
    current.pool = pool as PooledResources<unknown, unknown>
    if (resourcePoolSetup.hasSubscribers) resourcePoolSetup.publish({ ...pool.about })
    return pool
  },
  async with<R, T>(fn: (resource: T) => R | PromiseLike<R>, terms?: ResourceTerms): Promise<Awaited<R>> {
    return await required<T, unknown>().with(fn, terms)
  },
  async transaction<R, T, X>(
    fn: (resource: T, transaction: X) => R | PromiseLike<R>,
    terms?: ResourceTerms,
  ): Promise<Awaited<R>> {
    return await required<T, X>().transaction(fn, terms)
  },
  stats: () => current.pool?.stats() ?? null,
  async reload() {
    await current.pool?.reload()
  },
  async close(options) {
    const pool = current.pool
    await pool?.close(options)
    if (current.pool === pool) current.pool = undefined
  },
  isActive: () => current.pool !== undefined,
}

function required<T, X>(): ResourcePool<T, X> {
  const pool = current.pool
  if (pool === undefined) {
    throw new ResourcePoolMissingError('There is no global resource pool: call resourcePool.setup() first.')
  }
  return pool as ResourcePool<T, X>
}
