import type { TenantSourceConfig } from './config/resolved-config.ts'
import type { ShardingEvent } from './diagnostics/sharding-events.ts'
import { type ShardingListener, Subscriptions, type Unsubscribe } from './diagnostics/subscriptions.ts'
import { ConnectionBudgets } from './fan-out/connection-budgets.ts'
import { fanOut } from './fan-out/fan-out.ts'
import type { FanOutApi } from './fan-out/fan-out-api.ts'
import type { FanOutTarget } from './fan-out/fan-out-options.ts'
import type { FanOutParts } from './fan-out/fan-out-parts.ts'
import { fanOutReduce } from './fan-out/fan-out-reduce.ts'
import { FanOutStream } from './fan-out/fan-out-stream.ts'
import type { HealthCheck } from './health/health-check.ts'
import type { HealthOptions } from './health/health-options.ts'
import type { HealthReport } from './health/health-report.ts'
import type { AnyFunction, BatchOptions, JobApi } from './jobs/job-api.ts'
import { createShardedBatch } from './jobs/sharded-batch.ts'
import { createShardedJob } from './jobs/sharded-job.ts'
import { forgetSharding } from './live-sharding.ts'
import { type Isolation, isolate } from './operations/isolate.ts'
import { createMigrationApi } from './operations/migrations/migrate.ts'
import type { MigrationApi } from './operations/migrations/migration-api.ts'
import { PendingMigrations } from './operations/migrations/pending-migrations.ts'
import { recover } from './operations/recover.ts'
import {
  type ConfigWatch,
  Reloader,
  type ReloadOptions,
  type ReloadParts,
  type ReloadReport,
} from './operations/reload.ts'
import { type WarmUpOptions, type WarmUpReport, warmUp } from './operations/warm-up.ts'
import type { BudgetStats, PoolBudgets } from './pool/pool-budgets.ts'
import type { PoolRegistry, Role } from './pool/pool-registry.ts'
import type { RoleStats, StatsOptions } from './pool/pool-stats.ts'
import type { ResourcePool } from './resources/resource-pool.ts'
import type { ShardResources } from './resources/shard-resources.ts'
import type { LiveLayout } from './router/live-layout.ts'
import type { RouteExplanation, Router } from './router/router.ts'
import { missingScopeError } from './scope/missing-scope-error.ts'
import type { TargetParts, TenantId } from './scope/scope.ts'
import type { ScopeApi } from './scope/scope-api.ts'
import { currentBinding } from './scope/scope-storage.ts'
import { Scopes, type ScopesOptions } from './scope/scopes.ts'
import { findShard } from './topology/find-shard.ts'
import type { Topology } from './topology/topology.ts'
import { normalizeTenantId } from './util/tenant-id.ts'

/** A set of shards, the way tenants are placed on them, and the pools of connections to them. */
export interface Sharding extends ScopeApi, JobApi, FanOutApi, AsyncDisposable {
  /** In the order of the configuration; those of the current one after a reload. */
  readonly shardNames: readonly string[]
  /**
   * Why a tenant is on its shard: which strategy answered, from which file and place, and whether `lookup` was asked or
   * its answer remembered. For people and tools; it asks `lookup` as a request would, and opens no connection.
   *
   * Rejects as `shardFor` does: TenantUnknownError, TenantInvalidError, RouterUnavailableError, ShardUnknownError.
   */
  explain(tenant: TenantId): Promise<RouteExplanation>
  /** Names it among the Shardings of this process, and in events: `sharding-1`. */
  readonly id: string
  /**
   * What the pools hold at this moment, how long callers wait and connections are held, and what has happened, by shard
   * and role, together and for each server: plain data, each time anew. A shard without replicas serves both roles from
   * one pool. Nothing is asked of a server.
   */
  stats(options?: StatsOptions): ShardingStats
  /**
   * Calls `listener` for each event of this Sharding, in the instant in which it happens, until the returned function is
   * called or the Sharding has closed. What it throws or rejects with is told by a process warning with the code
   * `SHERD_LISTENER_FAILED`, and harms nobody. The same events are published on the channels `sherd:<event>` of
   * `node:diagnostics_channel`.
   *
   * @throws TypeError for an event that there is not
   */
  on<E extends ShardingEvent>(event: E, listener: ShardingListener<E>): Unsubscribe
  /**
   * How the shards are: which are saturated, whose servers are down, and what calls for attention. By default from what
   * is known already, which costs nothing and opens nothing. With `probe` each server is asked for a sign of life:
   * never by the last connection that a pool could lend, not while its circuit breaker finds out by itself, and all
   * within `timeoutMs`; servers that are idle get a connection opened for it.
   *
   * With `migrations` each shard is asked once a minute which of its migrations have not run.
   *
   * Rejects with TypeError for options that make no sense, and for folders of migrations that cannot be read.
   */
  health(options?: HealthOptions): Promise<HealthReport>
  /**
   * Takes a shard out of service, all its servers: whoever wants a connection is refused at once (CircuitOpenError), those
   * who wait included; what has one may finish. Ends with `release()` of what is returned, or by itself with `using`;
   * isolations of one shard may overlap. Opens no connection.
   *
   * @throws ShardUnknownError
   */
  isolate(shard: string): Isolation
  /**
   * Brings a shard back by hand, such as after a failover or with new credentials: opens a new connection to each of its
   * servers, and once that one answers, closes the circuit breaker and retires all connections that are older. Those in
   * use are retired when they come back, never under their users. After an outage that the circuit breaker saw, this
   * happens by itself.
   *
   * Rejects with ShardUnavailableError, and the reason as its cause, when a server does not answer within
   * `pool.connectTimeoutMs`; of that server nothing is changed then. Rejects with ShardUnknownError, PoolDrainingError.
   */
  recover(shard: string): Promise<void>
  /**
   * Opens connections to the shards before the first request asks for them: `pool.min` to each server, one at least, which
   * shows that it lets this process in. For the start, before the server listens. A shard that fails is reported, and
   * tried again by its first request.
   *
   * Takes `timeoutMs` at most, whatever hangs, and the time of a ping. Rejects with StartupFailedError once all are done
   * when a shard has failed whose `startup` is `fail`; with ShardUnknownError, or TypeError for an option that cannot be.
   */
  warmUp(options?: WarmUpOptions): Promise<WarmUpReport>
  /** knex's migrations on all shards. */
  readonly migrate: MigrationApi
  /**
   * Reads the configuration anew and goes on with it: shards that it adds serve, those that it connects to in another way
   * get new connections, those that it leaves out are refused, and all others keep what they have. Requests and jobs that
   * are under way keep their connections and their shard's old settings to their end. Reloads that are asked for at once
   * are done one after the other.
   *
   * Rejects with ConfigInvalidError, with ReroutingRefusedError when it routes what is there elsewhere, and with
   * PoolDrainingError after `close()`. Nothing is changed then.
   */
  reload(options?: ReloadOptions): Promise<ReloadReport>
  /**
   * Reloads whenever something in the folders of the configuration changes, until `close()` of what is returned or of the
   * Sharding. What `reload()` would reject with becomes a process warning with the code `SHERD_RELOAD_FAILED`, and the
   * old configuration stays. Files that are named by `${file:…}` are not watched. Keeps no process alive.
   *
   * @throws TypeError when the configuration was given as an object
   */
  watch(): ConfigWatch
  /**
   * The pool of the resources `name` of the shard that the code is connected to, as `createSharding({ resources })` makes
   * them. It is made when it is asked for first, and closed with the Sharding, or when a reload has left its shard out and
   * nobody uses it any more.
   *
   * @throws ScopeMissingError outside of this Sharding's scopes, ResourcePoolMissingError for an unknown name,
   * ResourcePoolClosedError
   */
  resource(name: string): ResourcePool<unknown>
  /**
   * Closes every connection, in phases: at once nothing is lent any more and those who wait are refused
   * (PoolDrainingError); requests and jobs that have their connection may finish; after four fifths of `deadlineMs` the
   * server is told to stop their queries, and whatever else they ask for is refused; at the deadline the sockets are
   * destroyed. Settles when nothing is left, a second after the deadline at the latest. Called again it returns the
   * same promise, whatever the deadline.
   *
   * @param options.deadlineMs 0 closes at once, Infinity waits for ever. @default 10000
   */
  close(options?: { deadlineMs?: number }): Promise<void>
}

export interface ShardingStats {
  readonly shards: Readonly<Record<string, Readonly<Record<Role, RoleStats>>>>
  /** What this process has of each server's `maxConnections`, by `host:port`. */
  readonly budgets: Readonly<Record<string, BudgetStats>>
}

const PARTS = Symbol.for('sherd.parts')

const CLOSE_DEADLINE_MS = 10_000

/** The object that users hold. */
export class ShardingInstance extends Scopes implements Sharding {
  readonly shardedJob: JobApi['shardedJob'] = (identify: AnyFunction, handler: AnyFunction) =>
    createShardedJob(() => this, identify, handler) as never
  readonly shardedBatch: JobApi['shardedBatch'] = (
    identify: AnyFunction,
    handler: AnyFunction,
    options?: BatchOptions,
  ) => createShardedBatch(() => this, identify, handler, options) as never
  readonly fanOut: FanOutApi['fanOut']
  readonly connectedToAllShards: FanOutApi['connectedToAllShards']
  readonly fanOutReduce: FanOutApi['fanOutReduce']
  readonly fanOutStream: FanOutApi['fanOutStream']
  readonly migrate: MigrationApi
  readonly #layout: LiveLayout
  readonly #reloader: Reloader
  readonly #pools: PoolRegistry
  readonly #resources: ShardResources
  readonly #poolBudgets: PoolBudgets
  readonly #health: HealthCheck
  readonly #pending: PendingMigrations
  readonly id: string
  readonly #subscriptions: Subscriptions
  #closed: Promise<void> | undefined

  constructor(options: ShardingOptions) {
    super(options)
    const { layout } = options
    this.#layout = layout
    this.#reloader = new Reloader(options)
    this.#pools = options.pools
    this.#resources = options.resources
    this.#poolBudgets = options.poolBudgets
    this.id = options.pools.id
    this.#subscriptions = new Subscriptions(this.id)
    this.#health = options.health
    // Where the configuration comes from may hold secrets as they are written there.
    const { source: _source, env: _env, ...lasting } = options
    const parts: ShardingParts & FanOutParts = {
      ...lasting,
      router: layout.router,
      get topology() {
        return layout.topology
      },
      get tenantSources() {
        return layout.tenantSources
      },
      scopes: this,
      budgets: new ConnectionBudgets(),
      forcedTarget: undefined,
      isLeaving: false,
    }
    this.fanOut = (how, fn) => fanOut(parts, how, fn)
    this.connectedToAllShards = (fn) => fanOut(parts, {}, fn)
    this.fanOutReduce = (how: never, fn: (target: FanOutTarget) => unknown) =>
      fanOutReduce(parts, how, fn) as never
    this.fanOutStream = (how, fn) => new FanOutStream(parts, how, fn)
    this.#pending = new PendingMigrations(parts)
    this.migrate = createMigrationApi(parts, () => this.#pending.forget())
    // Under a symbol that all copies of the package share, and out of sight of `inspect`.
    Object.defineProperty(this, PARTS, { value: parts })
  }

  get shardNames(): readonly string[] {
    return this.#layout.shardNames
  }

  watch(): ConfigWatch {
    return this.#reloader.watch()
  }

  reload(options?: ReloadOptions): Promise<ReloadReport> {
    return this.#reloader.reload(options)
  }

  isolate(shard: string): Isolation {
    return isolate(findShard(this.#layout.topology, shard), this.#pools)
  }

  async recover(shard: string): Promise<void> {
    await recover(findShard(this.#layout.topology, shard), this.#pools)
  }

  warmUp(options?: WarmUpOptions): Promise<WarmUpReport> {
    return warmUp({ topology: this.#layout.topology, pools: this.#pools }, options)
  }

  async explain(tenant: TenantId): Promise<RouteExplanation> {
    return this.#layout.router.explain(normalizeTenantId(tenant))
  }

  on<E extends ShardingEvent>(event: E, listener: ShardingListener<E>): Unsubscribe {
    return this.#subscriptions.on(event, listener)
  }

  stats(options?: StatsOptions): ShardingStats {
    const entries = Array.from(this.#layout.topology.shards.values(), (shard) => {
      const roles = {
        writing: this.#pools.stats(shard, 'writing', options),
        reading: this.#pools.stats(shard, 'reading', options),
      }
      return [shard.name, roles] as const
    })
    return { shards: Object.fromEntries(entries), budgets: this.#poolBudgets.stats() }
  }

  health(options?: HealthOptions): Promise<HealthReport> {
    return this.#health.report(this.#layout.topology.shards.values(), this.#pending, options)
  }

  close({ deadlineMs = CLOSE_DEADLINE_MS }: { deadlineMs?: number } = {}): Promise<void> {
    if (!(deadlineMs >= 0))
      return Promise.reject(new TypeError(`deadlineMs must be 0 or more milliseconds, not ${deadlineMs}.`))
    this.#reloader.stop()
    this.#closed ??= this.#close(deadlineMs).finally(() => {
      this.#subscriptions.end()
      this.#poolBudgets.leave()
      forgetSharding(this)
    })
    return this.#closed
  }

  resource(name: string): ResourcePool<unknown> {
    const rules = currentBinding()?.rules
    if (rules?.api !== this) throw missingScopeError()
    return this.#resources.get(rules.value.shard, name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Requests that have their connection may finish, and need what else they use until then. */
  async #close(deadlineMs: number): Promise<void> {
    const since = performance.now()
    await this.#pools.close(deadlineMs)
    await this.#resources.close(Math.max(0, deadlineMs - (performance.now() - since)))
  }
}

/** What a Sharding is made of, for the bindings to frameworks. */
export interface ShardingParts extends Omit<ShardingOptions, 'source' | 'env'> {
  readonly scopes: Scopes
  /** As the current configuration has it. */
  readonly topology: Topology
  /** Asks by the current configuration. */
  readonly router: Router
  /** Where requests carry their tenant, as the current configuration says. */
  readonly tenantSources: readonly TenantSourceConfig[]
  /** Where every request goes, whatever tenant it names, while a test forces it there. */
  forcedTarget: Pick<TargetParts, 'shard' | 'tenant'> | undefined
  /** Whether the server around it has begun to shut down, so that no new traffic should be sent there. */
  isLeaving: boolean
}

export interface ShardingOptions extends ScopesOptions, ReloadParts {
  readonly health: HealthCheck
  /** What its pools share, among each other and with other processes. */
  readonly poolBudgets: PoolBudgets
}

/** The parts of a Sharding, made by this copy of the package or by another. */
export function partsOf(sharding: Sharding): ShardingParts {
  const parts = (sharding as { [PARTS]?: ShardingParts })[PARTS]
  if (parts === undefined) throw new TypeError('This is not a Sharding: make one with createSharding().')
  return parts
}
