import type { Knex } from 'knex'
import type { CircuitBreaker } from '../breaker/circuit-breaker.ts'
import { codeOf } from '../breaker/failure-codes.ts'
import { familyOf } from '../config/clients.ts'
import { type Correlated, LazyCorrelation } from '../diagnostics/correlation.ts'
import type { Endpoint } from '../topology/topology.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { runInRootContext } from '../util/root-context.ts'
import { within } from '../util/within.ts'
import type { BindingStore } from './binding.ts'
import { CheckoutErrors } from './checkout-errors.ts'
import type { ConnectFailure } from './connector.ts'
import { EndpointEvents } from './endpoint-events.ts'
import type { Engine } from './engine.ts'
import { createEngine } from './engines.ts'
import { GuardedPool } from './guarded-pool.ts'
import { checkDeclaredIdentity, type IdentityGuard } from './identity-guard.ts'
import { createKnex } from './knex-client.ts'
import { Lease } from './lease.ts'
import { LeaseEvents } from './lease-events.ts'
import { LeaseHolders } from './lease-holders.ts'
import type { LeaseSource, Reroute } from './lease-source.ts'
import type { PoolBudgets } from './pool-budgets.ts'
import { copyOf, type HolderStats, type StatsOptions, type StatsSource } from './pool-stats.ts'
import type { RawConnection } from './raw-connection.ts'
import type { ResourceDriver } from './resource-driver.ts'
import type { ShardPool } from './shard-pool.ts'

export interface EndpointPoolOptions {
  /** `id` of the Sharding, for events. */
  readonly sharding: string
  readonly endpoint: Endpoint
  readonly store: BindingStore
  readonly identities: IdentityGuard
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: () => number
  /** What the pools of a process and of a server share. @default nothing */
  readonly budgets?: PoolBudgets | undefined
  /** Replicas have turned out to be of another database, by the ids of their endpoints. */
  readonly onImpostors?: ((ids: readonly string[]) => void) | undefined
  /** @default the engine of the endpoint's client */
  readonly createEngine?: typeof createEngine | undefined
}

/** Whom a lease is for, and how long it waits for a connection: by default `pool.checkoutTimeoutMs`. */
export interface LeaseTerms {
  readonly tenant?: string | undefined
  readonly checkoutTimeoutMs?: number | undefined
  readonly role?: 'writing' | 'reading'
  /** Neither its queries nor itself have a time limit. @default false */
  readonly isLong?: boolean | undefined
  /** Who uses it, as reports name it: a route, a job, a function; never a tenant. */
  readonly describe?: (() => string) | undefined
  /** What its events have in common with those of its scope. */
  readonly correlated?: Correlated | undefined
  /** Where it may go instead. @default nowhere */
  readonly reroute?: Reroute | undefined
}

/** One endpoint in use: its pool, and the knex instance whose queries run on the pool's leases. */
export class EndpointPool {
  readonly endpoint: Endpoint
  readonly knex: Knex
  readonly guarded: GuardedPool<RawConnection>
  /** For the leases that take their connections here. */
  readonly source: LeaseSource
  /** Which shard has which database. A pool that is retired keeps to what was so in its time. */
  identities: IdentityGuard
  readonly #events: EndpointEvents
  readonly #leaseEvents: LeaseEvents
  /** Connections that were opened and are not closed. */
  readonly #live = new Set<RawConnection>()
  #leaseCount = 0
  #connectFailure: ConnectFailure | undefined
  readonly #holders: LeaseHolders<Lease>
  readonly #options: EndpointPoolOptions
  readonly #engine: Engine

  constructor(options: EndpointPoolOptions) {
    const { endpoint, store, clock, deadlines, random } = options
    this.#options = options
    this.endpoint = endpoint
    this.identities = options.identities
    this.knex = createKnex(endpoint, store)
    this.#engine = (options.createEngine ?? createEngine)(endpoint, this.knex.client, clock)
    this.#events = new EndpointEvents(options.sharding, endpoint)
    this.#leaseEvents = new LeaseEvents(this.#events.about, clock)
    this.#holders = new LeaseHolders({
      clock,
      deadlines,
      leakThresholdMs: endpoint.pool.leakThresholdMs,
      onLeaked: (leaked) => {
        this.pool.counts.leakCount++
        this.#leaseEvents.leaked(leaked)
      },
      onRecovered: (recovered) => {
        this.pool.counts.recoveredCount++
        this.#leaseEvents.recovered(recovered)
      },
    })
    this.guarded = new GuardedPool({
      shard: endpoint.shard,
      id: endpoint.id,
      events: this.#events,
      driver: this.#createDriver(),
      limits: endpoint.pool,
      breaker: endpoint.breaker,
      isRemote: familyOf(endpoint.client) !== 'sqlite',
      lossOf: (connection) => connection.__knex__disposed,
      mayHedge: options.budgets?.isCounted(endpoint) !== true,
      joinBudget: options.budgets?.joining(endpoint),
      clock,
      deadlines,
      random,
    })
    this.source = {
      id: endpoint.id,
      pool: this.pool,
      engine: this.#engine,
      holders: this.#holders,
      events: this.#leaseEvents,
      onOutcome: (outcome) => this.guarded.noteOutcome(outcome),
      nextNumber: () => ++this.#leaseCount,
    }
  }

  /** `id` of the Sharding. */
  get sharding(): string {
    return this.#options.sharding
  }

  get clock(): Clock {
    return this.#options.clock
  }

  get pool(): ShardPool<RawConnection> {
    return this.guarded.pool
  }

  /** Whether the endpoint's server counts as up, and since when. */
  get breaker(): CircuitBreaker {
    return this.guarded.breaker
  }

  /** What the last attempt to connect failed with; undefined after one that succeeded. */
  get connectFailure(): ConnectFailure | undefined {
    return this.#connectFailure
  }

  /** The pool can be asked by now: for whoever has made it. */
  announce(): void {
    this.#events.created()
  }

  stats({ holders = false }: StatsOptions = {}): StatsSource {
    const { waits, holds, counts } = this.pool
    const now = this.#options.clock.now()
    const since = this.guarded.breakerChangedAt?.toISOString() ?? null
    const stats = {
      ...this.pool.stats(),
      live: this.#live.size,
      checkoutWaitMs: waits.summary(now),
      heldMs: holds.summary(now),
      ...copyOf(counts),
      kind: this.endpoint.kind,
      breaker: { state: this.breaker.name, since },
      ...(holders ? { holders: this.#namedHolders(now) } : {}),
    }
    return { stats, waits, holds }
  }

  #namedHolders(now: number): HolderStats[] {
    return Array.from(this.#holders, ({ lease, since }) => ({
      holder: lease.description,
      ageMs: Math.round(now - since),
    }))
  }

  createLease(terms: LeaseTerms = {}): Lease {
    const { tenant, checkoutTimeoutMs, role, isLong = false, describe, correlated, reroute } = terms
    const { clock, deadlines } = this.#options
    return new Lease({
      shard: this.endpoint.shard,
      source: this.source,
      reroute,
      clock,
      deadlines,
      tenant,
      role: role ?? 'writing',
      isLong,
      describe: describe ?? (() => 'a scope'),
      checkoutTimeoutMs: checkoutTimeoutMs ?? this.endpoint.pool.checkoutTimeoutMs,
      queryTimeoutMs: isLong ? null : this.endpoint.pool.queryTimeoutMs,
      correlated: correlated ?? new LazyCorrelation(),
    })
  }

  /**
   * Asks the server something of Sherd's own, on a connection that no lease has. Not on the last one that callers could
   * have, unless it `isUrgent`: then it waits for its turn like them. Undefined where it was not asked. Rejects where it
   * does not answer within `pingTimeoutMs`; its connection is closed then.
   */
  async ask<T>(
    question: (engine: Engine, connection: RawConnection) => Promise<T> | undefined,
    isUrgent = false,
  ): Promise<T | undefined> {
    const { checkoutTimeoutMs, pingTimeoutMs } = this.endpoint.pool
    if (!this.breaker.isClosed || (!isUrgent && this.pool.spare < 2)) return undefined
    // A little more patient than others, so that it is not shed.
    const pooled = this.pool.tryAcquire() ?? (await this.pool.wait(checkoutTimeoutMs + 1).promise)
    try {
      const answer = await within(pingTimeoutMs, Promise.resolve(question(this.#engine, pooled.resource)))
      this.guarded.noteOutcome('answered')
      this.pool.release(pooled)
      return answer
    } catch (error) {
      this.#engine.sever(pooled.resource)
      this.pool.destroy(pooled)
      throw error
    }
  }

  /** Ends every lease that still holds a connection: the server stops its query, whatever waits behind is refused. */
  cutLeases(): void {
    const errors = new CheckoutErrors(this.endpoint.shard, this.#options.random)
    for (const { lease } of [...this.#holders]) {
      lease.end(() => errors.draining())
      void lease.cancelRunning()
    }
  }

  async #connect(signal: AbortSignal, onLost: (connection: RawConnection) => void): Promise<RawConnection> {
    try {
      const connection = await this.#open(signal, onLost)
      this.#connectFailure = undefined
      return connection
    } catch (error) {
      const cause: unknown = signal.aborted ? signal.reason : error
      // Who gives an attempt up for another reason than its time has learnt nothing.
      const isTold = !signal.aborted || codeOf(cause) === 'ETIMEDOUT'
      if (isTold) this.#connectFailure = { error: cause, at: this.#options.clock.now() }
      throw error
    }
  }

  /** Nothing of the user's runs before the database has declared itself, and no query before the shard owns it. */
  async #open(signal: AbortSignal, onLost: (connection: RawConnection) => void): Promise<RawConnection> {
    const connection = await this.#engine.open(signal, onLost)
    this.#live.add(connection)
    const close = () => this.#close(connection)
    signal.addEventListener('abort', close, { once: true })
    try {
      await checkDeclaredIdentity(this.endpoint, this.knex, connection)
      await this.endpoint.afterCreate?.(connection)
      // Last, for the schema is part of it, and `afterCreate` may choose one.
      const identity = await this.#engine.identify(connection)
      const impostors = identity === undefined ? [] : this.identities.claim(this.endpoint, identity)
      if (impostors.length > 0) this.#options.onImpostors?.(impostors)
      await this.#engine.settle?.(connection)
      signal.throwIfAborted()
      return connection
    } catch (error) {
      if (!signal.aborted) await close()
      throw error
    } finally {
      signal.removeEventListener('abort', close)
    }
  }

  async #close(connection: RawConnection): Promise<void> {
    await this.#engine.close(connection)
    this.#live.delete(connection)
  }

  #createDriver(): ResourceDriver<RawConnection> {
    const engine = this.#engine
    const canSkip = this.endpoint.scrub === 'auto' && engine.settle !== undefined
    return {
      open: (signal, onLost) => this.#connect(signal, onLost),
      isUsable: (connection) => !connection.__knex__disposed,
      // `afterCreate` is run again, and belongs to no request.
      reset: (connection) => {
        if (engine.isInTransaction?.(connection)) this.pool.counts.rollbackCount++
        if (engine.isClean?.(connection)) {
          if (canSkip) this.pool.counts.scrubSkippedCount++
          return undefined
        }
        return runInRootContext(() => engine.reset(connection))
      },
      rest: (connection) => engine.keepAlive(connection, false),
      wake: (connection) => engine.keepAlive(connection, true),
      ...(engine.ping === undefined ? {} : { ping: engine.ping }),
      close: (connection, isDead) => {
        // It would be told goodbye, and have half a second to answer.
        if (isDead) engine.sever(connection)
        return this.#close(connection)
      },
    }
  }
}
