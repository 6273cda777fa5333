import type { Knex } from 'knex'
import { ShardUnavailableError } from '../errors.ts'
import type { Endpoint, Shard, Topology } from '../topology/topology.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import type { BindingStore } from './binding.ts'
import { EndpointPool } from './endpoint-pool.ts'
import { IdentityGuard } from './identity-guard.ts'
import { createUnboundKnex } from './knex-client.ts'
import { addStats, type RoleStats, unusedStats } from './pool-stats.ts'

/** What code intends with a connection. */
export type Role = 'writing' | 'reading'

export interface PoolRegistryOptions {
  readonly topology: Topology
  readonly store: BindingStore
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: () => number
}

/** How much of its deadline `close` leaves to leases before the server is told to stop what they run. */
const CUT_SHARE = 0.8

type KnexListener = { readonly event: string; readonly listener: (...args: unknown[]) => void }

/** All pools: an endpoint that nobody has asked for has none, and costs no connection and no timer. */
export class PoolRegistry {
  readonly #options: PoolRegistryOptions
  readonly #identities = new IdentityGuard()
  readonly #pools = new Map<string, EndpointPool>()
  readonly #turns = new Map<string, number>()
  #listeners: KnexListener[] = []
  #unboundKnex: Knex | undefined
  #isClosed = false

  constructor(options: PoolRegistryOptions) {
    this.#options = options
  }

  /** The endpoints that serve a role, in the order of the configuration: the primary where there are no replicas. */
  endpointsFor(shard: Shard, role: Role): readonly Endpoint[] {
    return role === 'reading' && shard.replicas.length > 0 ? shard.replicas : [shard.primary]
  }

  /** The next of the endpoints that serve a role, in turn. */
  next(shard: Shard, role: Role): EndpointPool {
    const endpoints = this.endpointsFor(shard, role)
    if (endpoints.length === 1) return this.#get(endpoints[0] as Endpoint)
    const turn = this.#turns.get(shard.name) ?? 0
    this.#turns.set(shard.name, turn + 1)
    return this.#get(endpoints[turn % endpoints.length] as Endpoint)
  }

  /** knex without a connection: builds and names things, runs nothing. */
  get unboundKnex(): Knex {
    const [first] = this.#options.topology.shards.values()
    this.#unboundKnex ??= createUnboundKnex((first as Shard).primary.client)
    return this.#unboundKnex
  }

  /** Subscribes to knex's events on all endpoints, those to come included. */
  on(event: string, listener: KnexListener['listener']): void {
    this.#listeners.push({ event, listener })
    for (const { knex } of this.#pools.values()) knex.on(event, listener)
  }

  off(event: string, listener: KnexListener['listener']): void {
    const index = this.#listeners.findLastIndex(
      (entry) => entry.event === event && entry.listener === listener,
    )
    if (index === -1) return
    this.#listeners = this.#listeners.toSpliced(index, 1)
    for (const { knex } of this.#pools.values()) knex.off(event, listener)
  }

  stats(shard: Shard, role: Role): RoleStats {
    return this.endpointsFor(shard, role)
      .map((endpoint) => this.#pools.get(endpoint.id)?.stats() ?? unusedStats(endpoint.pool.max))
      .reduce(addStats)
  }

  /**
   * Closes every pool, in phases: nothing is lent any more; leases end by themselves; at {@link CUT_SHARE} of
   * `deadlineMs` those that have not are cut; at its end connections are destroyed under whatever is left.
   */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosed = true
    const { clock, deadlines } = this.#options
    const pools = [...this.#pools.values()]
    const cut: Deadline = {
      deadline: clock.now() + deadlineMs * CUT_SHARE,
      expire: () => {
        for (const pool of pools) pool.cutLeases()
      },
    }
    deadlines.add(cut)
    await Promise.all(pools.map(({ pool }) => pool.close(deadlineMs)))
    deadlines.delete(cut)
  }

  #get(endpoint: Endpoint): EndpointPool {
    let found = this.#pools.get(endpoint.id)
    if (found === undefined) {
      found = this.#create(endpoint)
      for (const { event, listener } of this.#listeners) found.knex.on(event, listener)
      if (this.#isClosed) void found.pool.close(0)
      this.#pools.set(endpoint.id, found)
    }
    return found
  }

  #create(endpoint: Endpoint): EndpointPool {
    try {
      return new EndpointPool({ ...this.#options, identities: this.#identities, endpoint })
    } catch (cause) {
      // knex reads what the address leads to, such as a certificate's file, which may appear later.
      const { shard } = endpoint
      throw new ShardUnavailableError(`The connection settings of shard "${shard}" cannot be used.`, {
        shard,
        cause,
      })
    }
  }
}
