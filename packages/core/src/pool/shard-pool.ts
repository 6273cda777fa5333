import type { PoolConfig } from '../config/resolved-config.ts'
import type { ShardingError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { CheckoutErrors } from './checkout-errors.ts'
import { Connector } from './connector.ts'
import { IdleStack } from './idle-stack.ts'
import { type PoolStats, utilization } from './pool-stats.ts'
import { PoolWaiter } from './pool-waiter.ts'
import type { Pooled } from './pooled.ts'
import type { ResourceDriver } from './resource-driver.ts'

export interface ShardPoolOptions<R> {
  /** Name of the shard, for messages and errors. */
  readonly shard: string
  readonly driver: ResourceDriver<R>
  readonly limits: PoolConfig
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: () => number
}

type PoolState =
  | { readonly kind: 'open' }
  | { readonly kind: 'draining'; readonly drained: () => void; readonly done: Promise<void> }
  | { readonly kind: 'closed' }

/**
 * Lends resources: the one used last first, to those who wait in the order in which they came.
 *
 * - A free resource is lent synchronously: no promise, timer or signal.
 * - Nobody waits while a resource is idle, and nobody overtakes those who wait.
 * - Callers wait for the pool, never for one attempt to connect: a returned resource wins over a pending attempt.
 * - Open, opening and closing resources together never exceed `max`.
 * - A resource is idle only after its reset succeeded; in doubt it is closed and its place goes to the next waiter.
 *
 * All decisions are made synchronously within one call, so no two of them can interleave. Time, randomness and
 * the driver are injected.
 */
export class ShardPool<R> {
  readonly #options: ShardPoolOptions<R>
  readonly #members = new Map<R, Pooled<R>>()
  readonly #idle: IdleStack<R>
  readonly #errors: CheckoutErrors
  readonly #waiters = new Set<PoolWaiter<R>>()
  readonly #connector: Connector<R>
  #closing = 0
  #state: PoolState = { kind: 'open' }
  #connectFailure: { readonly error: unknown; readonly at: number } | undefined

  constructor(options: ShardPoolOptions<R>) {
    this.#options = options
    const { driver, limits, clock, deadlines, random } = options
    this.#errors = new CheckoutErrors(options.shard, random)
    this.#idle = new IdleStack({
      driver,
      limits,
      clock,
      deadlines,
      size: () => this.#members.size,
      onSurplus: (pooled) => this.#close(pooled),
    })
    this.#connector = new Connector({
      driver,
      limits,
      clock,
      deadlines,
      random,
      onOpened: (resource) => this.#opened(resource),
      onLate: (resource) => this.#discard(resource),
      onFailed: (error) => this.#connectFailed(error),
      onLost: (resource) => this.#lost(resource),
      onReady: () => this.#grow(),
    })
  }

  /** A free resource, or undefined when there is none: then {@link wait}. Throws PoolDrainingError. */
  tryAcquire(tenant?: string): Pooled<R> | undefined {
    if (this.#state.kind !== 'open') throw this.#errors.draining()
    for (let pooled = this.#idle.pop(); pooled !== undefined; pooled = this.#idle.pop()) {
      if (this.#options.driver.isUsable(pooled.resource)) {
        pooled.state = 'lent'
        pooled.tenant = tenant
        return pooled
      }
      this.#close(pooled)
    }
    return undefined
  }

  /**
   * A place in the queue, for at most `timeoutMs` whatever happens meanwhile. Its promise rejects with
   * CheckoutTimeoutError, ShardUnavailableError or PoolDrainingError. Throws what {@link assertAvailable} throws.
   */
  wait(timeoutMs = this.#options.limits.checkoutTimeoutMs, tenant?: string): PoolWaiter<R> {
    this.assertAvailable()
    const now = this.#options.clock.now()
    const waiter = new PoolWaiter<R>({ since: now, timeoutMs, tenant }, (expired) => {
      if (this.#waiters.delete(expired)) expired.refuse(this.#timeoutError(expired, timeoutMs))
    })
    this.#waiters.add(waiter)
    this.#options.deadlines.add(waiter)
    this.#grow()
    return waiter
  }

  /** Throws PoolDrainingError or PoolOverloadedError when asking for a resource now would be refused at once. */
  assertAvailable(): void {
    if (this.#state.kind !== 'open') throw this.#errors.draining()
    // Those for whom a connection can still be opened do not queue behind anybody.
    const served = this.#idle.size + Math.max(0, this.#room)
    if (this.#waiters.size >= this.#options.limits.maxWaiting + served)
      throw this.#errors.overloaded(this.stats(), this.#options.limits.maxWaiting)
  }

  /**
   * Leaves the queue. False when the waiter was no longer in it: then it has been served or refused already, and a
   * resource that it was served must be given back by whoever awaits its promise.
   */
  leave(waiter: PoolWaiter<R>, reason: ShardingError): boolean {
    if (!this.#waiters.delete(waiter)) return false
    this.#options.deadlines.delete(waiter)
    waiter.refuse(reason)
    return true
  }

  /** Takes a resource back: it is lent again once it is as it was when it was opened. */
  release(pooled: Pooled<R>): void {
    if (this.#wasTaken(pooled)) return
    if (!this.#isWanted(pooled)) {
      this.#close(pooled)
      return
    }
    const reset = this.#options.driver.reset(pooled.resource)
    if (reset === undefined) {
      this.#settle(pooled)
      return
    }
    pooled.state = 'resetting'
    reset.then(
      () => this.#settle(pooled),
      () => this.#close(pooled),
    )
  }

  /** Takes a resource back that nobody may use again. */
  destroy(pooled: Pooled<R>): void {
    if (!this.#wasTaken(pooled)) this.#close(pooled)
  }

  stats(): PoolStats {
    const { max } = this.#options.limits
    const total = this.#members.size
    const active = total - this.#idle.size
    return {
      total,
      active,
      idle: this.#idle.size,
      waiting: this.#waiters.size,
      max,
      utilization: utilization(active, max),
    }
  }

  /**
   * Lends nothing any more, refuses those who wait, closes what is idle, and settles when everything lent has come
   * back and is closed, or after `deadlineMs`, when the rest is closed under its users.
   */
  close(deadlineMs: number): Promise<void> {
    if (this.#state.kind === 'draining') return this.#state.done
    if (this.#state.kind === 'closed') return Promise.resolve()
    let drained!: () => void
    const done = new Promise<void>((resolve) => {
      drained = resolve
    })
    const force = {
      deadline: this.#options.clock.now() + deadlineMs,
      expire: () => {
        for (const pooled of this.#members.values()) this.#close(pooled)
      },
    }
    this.#state = {
      kind: 'draining',
      done,
      drained: () => {
        this.#options.deadlines.delete(force)
        drained()
      },
    }
    this.#connector.stop()
    this.#refuseAll(() => this.#errors.draining())
    for (const pooled of this.#idle.clear()) this.#close(pooled)
    this.#options.deadlines.add(force)
    this.#finishDraining()
    return done
  }

  // --- What happens to a resource ----------------------------------------------------------------------------

  #opened(resource: R): void {
    const { clock, limits, random } = this.#options
    // A tenth of jitter, so that connections opened together do not all go together.
    const lifetime = limits.maxLifetimeMs === null ? Infinity : limits.maxLifetimeMs * (1 - random() / 10)
    const pooled: Pooled<R> = {
      resource,
      expiresAt: clock.now() + lifetime,
      state: 'lent',
      idleSince: 0,
      tenant: undefined,
    }
    this.#members.set(resource, pooled)
    this.#settle(pooled)
  }

  /** The resource is clean and nobody's: on to the next waiter, or to rest. */
  #settle(pooled: Pooled<R>): void {
    if (!this.#isWanted(pooled)) {
      this.#close(pooled)
      return
    }
    const waiter = this.#nextWaiter()
    if (waiter === undefined) {
      pooled.state = 'idle'
      pooled.idleSince = this.#options.clock.now()
      this.#idle.push(pooled)
    } else {
      pooled.state = 'lent'
      pooled.tenant = waiter.tenant
      waiter.serve(pooled)
    }
    this.#grow()
  }

  /** Whether it may be lent again, as far as that is known without asking anybody. */
  #isWanted({ resource, expiresAt }: Pooled<R>): boolean {
    const { clock, driver } = this.#options
    return this.#state.kind === 'open' && clock.now() < expiresAt && driver.isUsable(resource)
  }

  #lost(resource: R): void {
    const pooled = this.#members.get(resource)
    // Whoever holds it finds out by using it, and gives it back.
    if (pooled?.state !== 'idle') return
    this.#idle.delete(pooled)
    this.#close(pooled)
  }

  #close(pooled: Pooled<R>): void {
    if (pooled.state === 'closed') return
    pooled.state = 'closed'
    this.#members.delete(pooled.resource)
    this.#discard(pooled.resource)
  }

  /** Its place counts as taken until nothing of it is left, so that the server never sees more than `max`. */
  #discard(resource: R): void {
    this.#closing++
    void this.#options.driver.close(resource).then(() => {
      this.#closing--
      this.#grow()
      this.#finishDraining()
    })
  }

  /** Whether a forced close has taken the resource from its user. Given back twice is a bug, never tolerated. */
  #wasTaken(pooled: Pooled<R>): boolean {
    if (pooled.state === 'closed' && this.#state.kind !== 'open') return true
    if (pooled.state !== 'lent') throw new Error(`a resource was given back although it is ${pooled.state}`)
    return false
  }

  // --- Those who wait ----------------------------------------------------------------------------------------

  #nextWaiter(): PoolWaiter<R> | undefined {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter)
      this.#options.deadlines.delete(waiter)
      return waiter
    }
    return undefined
  }

  #refuseAll(error: () => ShardingError): void {
    for (let waiter = this.#nextWaiter(); waiter !== undefined; waiter = this.#nextWaiter())
      waiter.refuse(error())
  }

  /** Places that are free, or for which an attempt to connect is under way. */
  get #room(): number {
    return this.#options.limits.max - this.#members.size - this.#closing
  }

  /** One attempt for each waiter without one, as far as `max` allows. */
  #grow(): void {
    if (this.#state.kind !== 'open' || this.#waiters.size === 0) return
    this.#connector.open(Math.min(this.#waiters.size, this.#room) - this.#connector.pending)
  }

  #connectFailed(error: unknown): void {
    this.#connectFailure = { error, at: this.#options.clock.now() }
    // As long as something may still come back or open, there is hope until the deadline.
    const hope = this.#members.size + this.#connector.pending > 0
    if (!hope) this.#refuseAll(() => this.#errors.unavailable(error))
  }

  #timeoutError({ since }: PoolWaiter<R>, timeoutMs: number): ShardingError {
    const failure = this.#connectFailure
    // An older failure has nothing to do with this caller.
    const cause = failure !== undefined && failure.at >= since ? failure.error : undefined
    return this.#errors.timeout(timeoutMs, this.stats(), cause)
  }

  #finishDraining(): void {
    if (this.#state.kind !== 'draining' || this.#members.size + this.#closing > 0) return
    const { drained } = this.#state
    this.#state = { kind: 'closed' }
    drained()
  }
}
