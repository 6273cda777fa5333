import { type BreakerChange, CircuitBreaker, type Permit } from '../breaker/circuit-breaker.ts'
import { codeOf, verdictOn } from '../breaker/failure-codes.ts'
import type { BreakerConfig, PoolConfig } from '../config/resolved-config.ts'
import { CircuitOpenError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { eachLimited } from '../util/each-limited.ts'
import { runInRootContext } from '../util/root-context.ts'
import { CheckoutErrors } from './checkout-errors.ts'
import { connectTimeoutError } from './connect-timeout-error.ts'
import type { EndpointEvents } from './endpoint-events.ts'
import { openUntilAborted } from './open-until-aborted.ts'
import type { BudgetedPool, OpeningBudget } from './opening-budget.ts'
import type { ProbeOutcome } from './probe-outcome.ts'
import type { ResourceDriver } from './resource-driver.ts'
import { ShardPool } from './shard-pool.ts'
import { WatchedDriver } from './watched-driver.ts'

export interface GuardedPoolOptions<R> {
  readonly shard: string
  /** Of the endpoint: `shard_0`, `shard_0/replica-0`. */
  readonly id: string
  readonly events: EndpointEvents
  readonly driver: ResourceDriver<R>
  readonly limits: PoolConfig
  readonly breaker: BreakerConfig | null
  /** False where opening takes no network. */
  readonly isRemote: boolean
  /** Whether a second attempt to connect may be made beside one that says nothing: not where sessions are counted. */
  readonly mayHedge?: boolean
  /** Why a resource was lost. */
  readonly lossOf: (resource: R) => unknown
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: () => number
  /** @default shares nothing */
  readonly joinBudget?: ((pool: BudgetedPool) => OpeningBudget) | undefined
}

export interface ProbeOptions {
  /** For opening a connection. */
  readonly timeoutMs: number
  /** Open a connection in any case: those that are open do not show where the address leads now. */
  readonly isNew: boolean
}

interface Addition<R> {
  readonly timeoutMs: number
  readonly open: (signal: AbortSignal, onLost: (resource: R) => void) => Promise<R>
}

/** An attempt that says nothing for a third of its time gets another one beside it. */
const HEDGES = 3
/** A probe that was not answered in time gives the next one twice as much, up to so many times `connectTimeoutMs`. */
const PATIENCE_MAX = 8

/** A pool behind a circuit breaker: while its server is down callers are told so at once, and nobody has to find out. */
export class GuardedPool<R> {
  readonly pool: ShardPool<R>
  readonly breaker: CircuitBreaker
  readonly #options: GuardedPoolOptions<R>
  readonly #driver: WatchedDriver<R>
  /** How many times its usual time limit the next probe has: a server, or this process, may be too slow for that. */
  #patience = 1
  readonly #additions = new Set<AbortController>()
  /** Since when the breaker is as it is; undefined when it has never been otherwise. */
  #changedAt: Date | undefined

  constructor(options: GuardedPoolOptions<R>) {
    this.#options = options
    const { shard, driver, limits, events, breaker: config, isRemote, mayHedge = true, lossOf } = options
    const { clock, deadlines, random } = options
    const hedgeAfterMs = isRemote && mayHedge ? limits.connectTimeoutMs / HEDGES : null
    this.breaker = new CircuitBreaker({
      config,
      clock,
      deadlines,
      random,
      isConnected: () => this.#driver.isConnected,
      probe: (permit) => this.#probe(permit),
      onChange: (change) => this.#changed(change),
    })
    this.#driver = new WatchedDriver({
      driver,
      breaker: this.breaker,
      clock,
      deadlines,
      hedgeAfterMs,
      lossOf,
    })
    const { breaker } = this
    this.pool = new ShardPool({
      errors: new CheckoutErrors(shard, random),
      driver: this.#driver,
      limits,
      clock,
      deadlines,
      random,
      observer: events,
      joinBudget: options.joinBudget,
      gate: {
        get isOpen() {
          return breaker.isClosed
        },
        refusal: () => this.#refusal(),
      },
    })
  }

  /** Since when the breaker is as it is, by the wall clock; undefined when it has never been otherwise. */
  get breakerChangedAt(): Date | undefined {
    return this.#changedAt
  }

  /**
   * Opens a new connection first. Once that one answers the breaker closes, and all older connections are retired: idle
   * ones at once, those in use when they come back. Rejects with what the attempt failed with, and has changed nothing
   * then; so it does when the pool is closing.
   */
  async recover(): Promise<void> {
    await this.#renew(undefined)
    this.breaker.close()
  }

  /**
   * Asks the server for a sign of life: a connection that is idle, else by opening one, which the pool keeps. Not while
   * callers could want what it takes, nor while the breaker is not closed, which finds out by itself. Never rejects.
   * A connection that is asked has `pingTimeoutMs`, however little time the caller has.
   */
  async probe({ timeoutMs, isNew }: ProbeOptions): Promise<ProbeOutcome> {
    if (!this.breaker.isClosed) return { kind: 'none' }
    if (this.pool.spare < 2) return { kind: 'skipped', reason: 'last connection' }
    const { clock, limits, isRemote } = this.#options
    const startedAt = clock.now()
    const answered = (): ProbeOutcome => ({ kind: 'answered', responseTimeMs: clock.now() - startedAt })
    const failed = (error?: unknown): ProbeOutcome => ({ kind: 'failed', cause: codeOf(error) })
    const asked = isNew ? undefined : this.pool.probe()
    if (asked !== undefined) return (await asked) ? answered() : failed()
    if (!isRemote && this.#driver.isConnected) return { kind: 'none' }
    if (!this.pool.hasRoom) return { kind: 'skipped', reason: 'last connection' }
    const open: Addition<R>['open'] = (signal, onLost) => this.#driver.open(signal, onLost)
    return await runInRootContext(() =>
      this.#add({ timeoutMs: Math.min(timeoutMs, limits.connectTimeoutMs), open }).then(answered, failed),
    )
  }

  /**
   * Has the pool keep `min` connections from now on, and opens what it lacks of them: one at least, the others where what
   * it shares with other pools has room for them. Calls `onOpened` for each. Settles when all are there, those that were open before having answered; rejects with the first failure.
   */
  async warm(timeoutMs: number, onOpened: () => void): Promise<void> {
    if (!this.breaker.isClosed) throw this.#refusal()
    const { clock, limits } = this.#options
    const deadline = clock.now() + timeoutMs
    let failure: { readonly error: unknown } | undefined
    const openOne = async () => {
      const leftMs = Math.max(0, deadline - clock.now())
      await this.#add({
        timeoutMs: Math.min(leftMs, limits.connectTimeoutMs),
        open: (signal, onLost) => this.#driver.open(signal, onLost),
      })
      onOpened()
    }
    await this.pool.probe()
    const length = Math.max(1, limits.min) - this.pool.stats().total
    const missing = Array.from({ length }, (_, index) => index)
    await runInRootContext(() =>
      eachLimited(missing, limits.connectConcurrency, async (index) => {
        if (failure !== undefined || (index > 0 && !this.pool.hasRoom)) return
        await openOne().catch((error) => {
          failure = { error }
        })
      }),
    )
    if (failure !== undefined) throw failure.error
    this.pool.keepMin()
  }

  /** A query was answered, with whatever. Connections that break tell so themselves. */
  noteOutcome(outcome: 'answered' | 'lost'): void {
    if (outcome === 'answered') this.breaker.succeeded(this.breaker.admit())
  }

  /** As {@link ShardPool.retire}. */
  retire(): void {
    this.pool.retire()
  }

  /** As {@link ShardPool.close}; looks for the database no more. */
  close(deadlineMs: number): Promise<void> {
    this.breaker.stop()
    for (const addition of this.#additions) addition.abort(new Error('the pool is closing'))
    return this.pool.close(deadlineMs)
  }

  #probe(permit: Permit): void {
    const timeoutMs = this.#options.limits.connectTimeoutMs * this.#patience
    runInRootContext(() => this.#renew(permit, timeoutMs)).then(
      () => this.breaker.succeeded(permit),
      (error) => {
        this.#patience = codeOf(error) === 'ETIMEDOUT' ? Math.min(this.#patience * 2, PATIENCE_MAX) : 1
        // A server that says no is there: whoever comes now is told what it says.
        if (verdictOn(error) === 'answer') this.breaker.succeeded(permit)
        else this.breaker.ended(permit)
      },
    )
  }

  /** Everything that is older is lent no more, once a new connection is there. */
  async #renew(permit: Permit | undefined, timeoutMs = this.#options.limits.connectTimeoutMs): Promise<void> {
    await this.#add({
      timeoutMs,
      open: async (signal, onLost) => {
        const resource = await this.#driver.openUnder(permit, signal, onLost)
        this.#patience = 1
        // What is idle may have been cut off like the rest.
        void this.pool.rotate()
        return resource
      },
    })
  }

  /** Opens a connection that no caller has asked for, and hands it to the pool. */
  async #add({ timeoutMs, open }: Addition<R>): Promise<void> {
    const { clock, deadlines, limits } = this.#options
    const controller = new AbortController()
    const { signal } = controller
    const timeout = {
      deadline: clock.now() + timeoutMs,
      expire: () => {
        // Only the pool's own time limit says something about the server.
        const isPatient = timeoutMs >= limits.connectTimeoutMs
        controller.abort(
          isPatient ? connectTimeoutError(timeoutMs) : new Error(`no answer within ${timeoutMs} ms`),
        )
      },
    }
    deadlines.add(timeout)
    this.#additions.add(controller)
    try {
      const place = await this.pool.reserve(signal)
      try {
        place.fill(await openUntilAborted(open(signal, place.onLost), signal, this.#driver))
      } finally {
        place.vacate()
      }
    } finally {
      deadlines.delete(timeout)
      this.#additions.delete(controller)
    }
  }

  #changed(change: BreakerChange): void {
    const { to } = change
    this.#changedAt = new Date()
    if (to === 'open' || to === 'isolated') this.pool.shut()
    if (to === 'closed') this.pool.reopen()
    this.#options.events.breakerChanged(change)
  }

  #refusal(): CircuitOpenError {
    const { shard, id } = this.#options
    const retryAfter = this.breaker.refuse()
    const message =
      this.breaker.name === 'isolated'
        ? `Shard "${shard}" is isolated by sharding.isolate(): it serves again once that is released.`
        : `The database of "${id}" is down, and is not asked before it answers a probe again (breaker.probeIntervalMs).`
    return new CircuitOpenError(message, { shard, retryAfter, cause: this.breaker.cause })
  }
}
