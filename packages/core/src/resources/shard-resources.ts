import { ResourcePoolClosedError, ResourcePoolMissingError } from '../errors.ts'
import { closest } from '../util/closest.ts'
import { inTime } from './in-time.ts'
import { PooledResources, type PooledResourcesOptions } from './pooled-resources.ts'
import type { ResourcePool } from './resource-pool.ts'
import type { ResourcePoolOptions } from './resource-pool-options.ts'
import { SlotIndexes } from './slot-indexes.ts'

/** How the resources of one kind are made for a shard: called once for each shard that needs some. */
export type ResourceFactory<T = unknown, X = unknown> = (shard: string) => ResourcePoolOptions<T, X>

/** By the names under which `sharding.resource()` has them. */
export type ResourceFactories = Readonly<Record<string, ResourceFactory>>

/** The pool that a factory's resources are lent from. */
export type ResourcePoolOf<F> =
  F extends ResourceFactory<infer T, infer X> ? ResourcePool<T, X> : ResourcePool<unknown>

/** The options as they are: lets TypeScript know what `create` makes, for the other hooks and `sharding.resource()`. */
export function defineResource<T, X = unknown>(
  options: ResourcePoolOptions<T, X>,
): ResourcePoolOptions<NoInfer<T>, NoInfer<X>> {
  return options
}

/** How long after its deadline a close waits for what is being destroyed. */
const DESTROY_MS = 1000

interface OwnedPool {
  readonly shard: string
  readonly pool: PooledResources<unknown, unknown>
}

/** The pools of other things than connections that belong to shards: made when somebody asks, closed with their shard. */
export class ShardResources {
  readonly #factories: ReadonlyMap<string, ResourceFactory>
  readonly #options: PooledResourcesOptions
  readonly #pools = new Map<string, OwnedPool>()
  /** Those of shards that the configuration has no more, as long as anything is left of them. */
  readonly #retired = new Map<string, Set<PooledResources<unknown, unknown>>>()
  /** A shard that comes back finds its numbers taken by what is left of it. */
  readonly #indexes = new Map<string, SlotIndexes>()
  #hasShard: (shard: string) => boolean
  #isClosed = false

  /** @throws TypeError when a factory is no function */
  constructor(
    factories: ResourceFactories,
    options: PooledResourcesOptions & { readonly hasShard: (shard: string) => boolean },
  ) {
    for (const [name, factory] of Object.entries(factories)) {
      if (typeof factory !== 'function')
        throw new TypeError(`resources.${name} must be a function that is given a shard's name.`)
    }
    this.#factories = new Map(Object.entries(factories))
    this.#options = options
    this.#hasShard = options.hasShard
  }

  /** @throws ResourcePoolMissingError, ResourcePoolClosedError, TypeError for options that make no sense */
  get(shard: string, name: string): ResourcePool<unknown> {
    const key = `${name} on ${shard}`
    const found = this.#pools.get(key)
    if (found !== undefined) return found.pool
    const factory = this.#factories.get(name)
    if (factory === undefined) throw missingError(name, [...this.#factories.keys()])
    if (this.#isClosed) {
      throw new ResourcePoolClosedError(`The Sharding is closing: it has no more resources "${name}".`, {
        shard,
      })
    }
    if (this.#hasShard(shard)) {
      const pool = this.#create(factory, shard, key)
      this.#pools.set(key, { shard, pool })
      return pool
    }
    // Somebody is still in a scope of the shard.
    const [retired] = this.#retired.get(key) ?? []
    if (retired !== undefined) return retired
    const pool = this.#create(factory, shard, key)
    this.#retire(key, pool)
    return pool
  }

  /** The configuration has other shards now: what belongs to those that it has no more is kept for nobody. */
  adopt(hasShard: (shard: string) => boolean): void {
    this.#hasShard = hasShard
    for (const [key, pools] of this.#retired) {
      for (const pool of pools) if (pool.isGone) pools.delete(pool)
      if (pools.size === 0) this.#retired.delete(key)
    }
    for (const [key, { shard, pool }] of this.#pools) {
      if (hasShard(shard)) continue
      this.#pools.delete(key)
      this.#retire(key, pool)
    }
  }

  /** Settles when nothing is left, or soon after `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosed = true
    const pools = [
      ...Array.from(this.#pools.values(), ({ pool }) => pool),
      ...[...this.#retired.values()].flatMap((some) => [...some]),
    ]
    if (pools.length === 0) return
    const closed = Promise.all(pools.map((pool) => pool.close({ deadlineMs })))
    await inTime<unknown>(this.#options, deadlineMs + DESTROY_MS, closed, () => undefined)
  }

  #create(factory: ResourceFactory, shard: string, key: string): PooledResources<unknown, unknown> {
    const indexes = this.#indexes.get(key) ?? new SlotIndexes()
    this.#indexes.set(key, indexes)
    const options = factory(shard)
    const name = options.name === undefined ? key : `${options.name} on ${shard}`
    return new PooledResources({ ...options, name }, { ...this.#options, indexes })
  }

  #retire(key: string, pool: PooledResources<unknown, unknown>): void {
    const pools = this.#retired.get(key) ?? new Set()
    this.#retired.set(key, pools.add(pool))
    pool.retire()
  }
}

function missingError(name: string, names: readonly string[]): ResourcePoolMissingError {
  const meant = closest(name, names)
  const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`
  return new ResourcePoolMissingError(
    `There are no resources "${name}".${hint} Name how they are made in createSharding({ resources }).`,
  )
}
