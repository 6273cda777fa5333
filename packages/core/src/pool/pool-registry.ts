import type { Knex } from 'knex'
import { SHARED } from '../config/shard-name.ts'
import { nextShardingId } from '../diagnostics/sharding-id.ts'
import { PoolDrainingError, ShardUnavailableError } from '../errors.ts'
import type { Endpoint, Shard, Topology } from '../topology/topology.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import type { BindingStore } from './binding.ts'
import { EndpointPool, type EndpointPoolOptions } from './endpoint-pool.ts'
import { IdentityGuard } from './identity-guard.ts'
import { createUnboundKnex } from './knex-client.ts'
import type { Reroute } from './lease-source.ts'
import type { PoolBudgets } from './pool-budgets.ts'
import { type RoleStats, roleStats, type StatsOptions, unusedSource, withReplica } from './pool-stats.ts'
import { ReplicaSet } from './replica-set.ts'
import type { ReplicaStatus } from './replica-status.ts'

/** What code intends with a connection. */
export type Role = 'writing' | 'reading'

export interface PoolRegistryOptions {
  readonly topology: Topology
  readonly store: BindingStore
  /** Of those on the database that belongs to no tenant. @default the same */
  readonly sharedStore?: BindingStore
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: () => number
  /** What the pools share; they keep to it as long as they live. @default nothing */
  readonly budgets?: PoolBudgets | undefined
}

/** How much of its deadline `close` leaves to leases before the server is told to stop what they run. */
const CUT_SHARE = 0.8

/** Other endpoints in the place of a shard's own, such as one whose connection is in a test's transaction. */
export interface Detour {
  /** The one that serves all of the shard's roles; the same object at each call. Its `id` is no other endpoint's. */
  endpoint(shard: Shard): Endpoint
  readonly createEngine: NonNullable<EndpointPoolOptions['createEngine']>
}

/** A server, whether somebody has asked for it or not. */
export interface KnownEndpoint {
  readonly endpoint: Endpoint
  /** Undefined while nobody has. */
  readonly pool: EndpointPool | undefined
  /** Undefined for a primary, and as long as nobody has read on a replica of the shard. */
  readonly replica: ReplicaStatus | undefined
  /** Its pool, made if there is none. Throws ShardUnavailableError when its settings cannot be used. */
  open(): EndpointPool
}

type KnexListener = { readonly event: string; readonly listener: (...args: unknown[]) => void }

/** All pools: an endpoint that nobody has asked for has none, and costs no connection and no timer. */
export class PoolRegistry {
  /** Of the Sharding that they belong to, as its events name it. */
  readonly id = nextShardingId()
  readonly #options: PoolRegistryOptions
  #topology: Topology
  #identities = new IdentityGuard()
  readonly #pools = new Map<string, EndpointPool>()
  /** Those that a reload has retired, for as long as anybody can still use them. */
  readonly #retired = new Set<WeakRef<EndpointPool>>()
  readonly #replaced = new WeakSet<Endpoint>()
  /** By shard, where somebody has read on them. */
  readonly #replicas = new Map<string, ReplicaSet>()
  readonly #watchers = new Set<(pool: EndpointPool) => void>()
  #listeners: KnexListener[] = []
  #detour: Detour | undefined
  #unbound: { readonly client: string; readonly knex: Knex } | undefined
  #isClosed = false

  constructor(options: PoolRegistryOptions) {
    this.#options = options
    this.#topology = options.topology
  }

  /** @throws PoolDrainingError, and Error while a test has sent all who ask elsewhere */
  assertReplaceable(): void {
    if (this.#isClosed) {
      throw new PoolDrainingError('The Sharding is closing: there is nothing to reload any more.')
    }
    if (this.#detour !== undefined) {
      throw new Error('A test runs in transactions: there is nothing to reload before its rollback().')
    }
  }

  /**
   * Goes on with another topology. Endpoints that are in both keep their pools, with all that those know. A pool whose
   * endpoint is in it no more is lent from by those alone who had come before, and keeps no connection that nobody uses.
   */
  adopt(topology: Topology): void {
    const before = this.#topology
    const kept = new Set(endpointsOf(topology))
    this.#topology = topology
    const keptIds = new Set(endpointsOf(before).flatMap((one) => (kept.has(one) ? [one.id] : [])))
    this.#identities = this.#identities.successor((id) => keptIds.has(id))
    for (const [name, replicas] of this.#replicas) this.#succeed(name, replicas, topology)
    for (const endpoint of endpointsOf(before)) if (!kept.has(endpoint)) this.#retire(endpoint)
    for (const pool of this.#pools.values()) pool.identities = this.#identities
  }

  /** The endpoints that serve a role, in the order of the configuration: the primary where there are no replicas. */
  endpointsFor(shard: Shard, role: Role): readonly Endpoint[] {
    if (this.#detour !== undefined) return [this.#detour.endpoint(shard)]
    return role === 'reading' && shard.replicas.length > 0 ? shard.replicas : [shard.primary]
  }

  /** Those whose connections are as good as one of the server that {@link next} would lead to. */
  equalsFor(shard: Shard, role: Role): readonly Endpoint[] {
    const endpoints = this.endpointsFor(shard, role)
    const standsIn = this.#hasChoice(shard, role) && this.#replicasOf(shard).usesPrimary
    return standsIn ? [...endpoints, shard.primary] : endpoints
  }

  /**
   * The server whose turn it is to serve a role. Throws ShardUnavailableError when that is to be a replica, none takes
   * reads, and the primary is not to take them either.
   */
  next(shard: Shard, role: Role): EndpointPool {
    if (this.#hasChoice(shard, role)) return this.#replicasOf(shard).next()
    return this.#get(this.#detour?.endpoint(shard) ?? shard.primary)
  }

  /** Where a lease goes that {@link next} has led to a server which cannot be reached; undefined: nowhere. */
  rerouting(shard: Shard, role: Role): Reroute | undefined {
    return this.#hasChoice(shard, role) ? this.#replicasOf(shard).reroute : undefined
  }

  /**
   * Sends all who ask from now on to other endpoints; the returned function ends that, and settles when what they had
   * connections to is closed. What has been lent before stays where it is.
   */
  takeDetour(detour: Detour): () => Promise<void> {
    if (this.#detour !== undefined) throw new Error('The pools are on a detour already.')
    const before = new Set(this.#pools.keys())
    this.#detour = detour
    return async () => {
      this.#detour = undefined
      const taken = [...this.#pools].filter(([id]) => !before.has(id))
      for (const [id] of taken) this.#pools.delete(id)
      await Promise.all(taken.map(([, { guarded }]) => guarded.close(0)))
    }
  }

  /** Calls `watcher` for each pool there is and each to come, until the returned function is called. */
  watch(watcher: (pool: EndpointPool) => void): () => void {
    this.#watchers.add(watcher)
    for (const pool of this.#pools.values()) watcher(pool)
    return () => this.#watchers.delete(watcher)
  }

  /** Those of all servers of a shard, the primary first. */
  all(shard: Shard): readonly EndpointPool[] {
    return this.#endpoints(shard).map((endpoint) => this.#get(endpoint))
  }

  /** All servers of a shard, the primary first; makes no pool. */
  known(shard: Shard): readonly KnownEndpoint[] {
    return this.#endpoints(shard).map((endpoint) => ({
      endpoint,
      pool: this.#pools.get(endpoint.id),
      replica: this.#replicas.get(shard.name)?.status(endpoint),
      open: () => this.#get(endpoint),
    }))
  }

  /** Whether nothing is lent any more. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** knex without a connection: builds and names things, runs nothing. */
  get unboundKnex(): Knex {
    const [first] = this.#topology.shards.values()
    const { client } = (first as Shard).primary
    if (this.#unbound?.client !== client) this.#unbound = { client, knex: createUnboundKnex(client) }
    return this.#unbound.knex
  }

  /** Subscribes to knex's events on all endpoints, those to come included. */
  on(event: string, listener: KnexListener['listener']): void {
    this.#listeners.push({ event, listener })
    for (const { knex } of this.#allPools()) knex.on(event, listener)
  }

  off(event: string, listener: KnexListener['listener']): void {
    const index = this.#listeners.findLastIndex(
      (entry) => entry.event === event && entry.listener === listener,
    )
    if (index === -1) return
    this.#listeners = this.#listeners.toSpliced(index, 1)
    for (const { knex } of this.#allPools()) knex.off(event, listener)
  }

  stats(shard: Shard, role: Role, options: StatsOptions = {}): RoleStats {
    const replicas = this.#replicas.get(shard.name)
    const sources = this.endpointsFor(shard, role).map((endpoint) => {
      const { id, kind, pool } = endpoint
      const source = this.#pools.get(id)?.stats(options) ?? unusedSource(kind, pool.max)
      const replica = replicas?.status(endpoint)
      return [id, replica === undefined ? source : withReplica(source, replica)] as const
    })
    return roleStats(new Map(sources), this.#options.clock.now())
  }

  /**
   * Closes every pool, in phases: nothing is lent any more; leases end by themselves; at {@link CUT_SHARE} of
   * `deadlineMs` those that have not are cut; at its end connections are destroyed under whatever is left.
   */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosed = true
    for (const replicas of this.#replicas.values()) replicas.stop()
    const { clock, deadlines } = this.#options
    const pools = this.#allPools()
    const cut: Deadline = {
      deadline: clock.now() + deadlineMs * CUT_SHARE,
      expire: () => {
        for (const pool of pools) pool.cutLeases()
      },
    }
    deadlines.add(cut)
    await Promise.all(pools.map(({ guarded }) => guarded.close(deadlineMs)))
    deadlines.delete(cut)
  }

  #hasChoice(shard: Shard, role: Role): boolean {
    return role === 'reading' && shard.replicas.length > 0 && this.#detour === undefined
  }

  #replicasOf(shard: Shard): ReplicaSet {
    const known = this.#replicas.get(shard.name)
    // Whoever was on his way when the configuration changed goes by the new one.
    if (known !== undefined) return known
    const replicas = this.#createReplicas(shard)
    this.#replicas.set(shard.name, replicas)
    return replicas
  }

  #createReplicas(shard: Shard, previous?: ReplicaSet): ReplicaSet {
    const { clock, deadlines, random } = this.#options
    const find = ({ id }: Endpoint) => this.#pools.get(id)
    const open = (endpoint: Endpoint) => this.#get(endpoint)
    return new ReplicaSet({ sharding: this.id, shard, find, open, clock, deadlines, random }, previous)
  }

  #succeed(name: string, previous: ReplicaSet, topology: Topology): void {
    previous.stop()
    const shard = topology.shards.get(name)
    if (shard === undefined || shard.replicas.length === 0) this.#replicas.delete(name)
    else this.#replicas.set(name, this.#createReplicas(shard, previous))
  }

  #endpoints(shard: Shard): readonly Endpoint[] {
    if (this.#detour !== undefined) return [this.#detour.endpoint(shard)]
    return [shard.primary, ...shard.replicas]
  }

  #retire(endpoint: Endpoint): void {
    this.#replaced.add(endpoint)
    const pool = this.#pools.get(endpoint.id)
    if (pool === undefined) return
    this.#pools.delete(endpoint.id)
    this.#retired.add(new WeakRef(pool))
    pool.guarded.retire()
  }

  /** Also those that are no part of the topology any more and that somebody may still ask. */
  #allPools(): readonly EndpointPool[] {
    const pools = [...this.#pools.values()]
    for (const reference of this.#retired) {
      const pool = reference.deref()
      if (pool === undefined) this.#retired.delete(reference)
      else pools.push(pool)
    }
    return pools
  }

  #get(endpoint: Endpoint): EndpointPool {
    // Its id may be that of another one by now.
    if (this.#replaced.has(endpoint)) throw replacedError(endpoint)
    let found = this.#pools.get(endpoint.id)
    if (found === undefined) {
      found = this.#create(endpoint)
      for (const { event, listener } of this.#listeners) found.knex.on(event, listener)
      if (this.#isClosed) void found.guarded.close(0)
      this.#pools.set(endpoint.id, found)
      for (const watcher of this.#watchers) watcher(found)
      found.announce()
    }
    return found
  }

  /** Nobody who comes is lent what has been opened to a database that is not the shard's. */
  #retireConnections(ids: readonly string[]): void {
    for (const id of ids) void this.#pools.get(id)?.pool.rotate()
  }

  #storeOf({ shard }: Endpoint): BindingStore {
    const { store, sharedStore = store } = this.#options
    return shard === SHARED ? sharedStore : store
  }

  #create(endpoint: Endpoint): EndpointPool {
    const { createEngine } = this.#detour ?? {}
    try {
      return new EndpointPool({
        ...this.#options,
        sharding: this.id,
        identities: this.#identities,
        onImpostors: (ids) => this.#retireConnections(ids),
        store: this.#storeOf(endpoint),
        endpoint,
        createEngine,
        // Of a test's database, which has one connection, and that is to stay.
        budgets: this.#detour === undefined ? this.#options.budgets : undefined,
      })
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

function endpointsOf({ shards }: Topology): Endpoint[] {
  return Array.from(shards.values()).flatMap(({ primary, replicas }) => [primary, ...replicas])
}

function replacedError({ id, shard }: Endpoint): PoolDrainingError {
  return new PoolDrainingError(`The configuration of "${id}" has been replaced meanwhile: ask again.`, {
    shard,
  })
}
