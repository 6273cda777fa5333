import type { PoolConfig } from '../config/resolved-config.ts'
import type { ShardingError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { LatencyWindow } from '../util/latency-window.ts'
import { CheckoutErrors } from './checkout-errors.ts'
import { type ConnectFailure, Connector } from './connector.ts'
import { Drain } from './drain.ts'
import type { Gate } from './gate.ts'
import { IdleStack } from './idle-stack.ts'
import { Liveness } from './liveness.ts'
import { Members } from './members.ts'
import { type BudgetedPool, type OpeningBudget, UNLIMITED } from './opening-budget.ts'
import { type Place, PlaceReservations } from './place-reservations.ts'
import { type CloseCause, PoolCounts } from './pool-counts.ts'
import { NOBODY, type PoolObserver } from './pool-observer.ts'
import { type PoolStats, utilization } from './pool-stats.ts'
import type { PoolWaiter } from './pool-waiter.ts'
import type { Pooled } from './pooled.ts'
import type { ResourceDriver } from './resource-driver.ts'
import { WaitingRoom } from './waiting-room.ts'

export interface ShardPoolOptions<R> {
  /** Name of the shard, for messages and errors. */
  readonly shard: string
  readonly driver: ResourceDriver<R>
  readonly limits: PoolConfig
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: () => number
  readonly gate: Gate
  /** @default nobody */
  readonly observer?: PoolObserver
  /** @default shares nothing */
  readonly joinBudget?: ((pool: BudgetedPool) => OpeningBudget) | undefined
}

type PoolState =
  | { readonly kind: 'open' }
  /** Lends nothing and opens nothing; callers wait. */
  | { readonly kind: 'paused' }
  | { readonly kind: 'draining'; readonly drain: Drain; readonly since: number; isDrained: boolean }
  | { readonly kind: 'closed' }

/** After these, whatever has lain idle since before may be broken as well. */
const ALARMING: ReadonlySet<CloseCause> = new Set(['lost', 'dead', 'destroyed', 'unclean'])

/**
 * Lends resources: the one used last first, to those who wait in the order in which they came.
 *
 * - A free resource is lent synchronously: no promise, timer or signal.
 * - Nobody who may have a resource waits while one is idle, and nobody overtakes those who wait; with `perTenantMax`
 *   tenants take turns, and whoever waits for a tenant that has its share is passed over.
 * - Callers wait for the pool, never for one attempt to connect: a returned resource wins over a pending attempt.
 * - Open, opening and closing resources together never exceed `max`.
 * - A resource is idle only after its reset succeeded; in doubt it is closed and its place goes to the next waiter.
 * - A resource in use is never closed, neither for its age nor for its generation, before it is given back.
 *
 * All decisions are made synchronously within one call, so no two of them can interleave. Time, randomness and
 * the driver are injected.
 */
export class ShardPool<R> {
  readonly counts = new PoolCounts()
  /** How long those who were lent something had waited for it. */
  readonly waits = new LatencyWindow()
  /** How long they had it. */
  readonly holds = new LatencyWindow()
  readonly #options: ShardPoolOptions<R>
  readonly #members: Members<R>
  readonly #idle: IdleStack<R>
  readonly #waiting: WaitingRoom<R>
  readonly #liveness: Liveness<R>
  readonly #connector: Connector<R>
  readonly #errors: CheckoutErrors
  readonly #places: PlaceReservations<R>
  #state: PoolState = { kind: 'open' }
  /** Whether somebody has ever asked: before that a pool costs nothing, whatever its `min`. */
  #isInUse = false
  /** Somebody had to wait, and nothing has come to rest since. */
  #isExhausted = false
  /** Undefined as long as anybody may come. */
  #retirement: { readonly since: number; isOver: boolean } | undefined
  readonly #observer: PoolObserver
  readonly #budget: OpeningBudget

  constructor(options: ShardPoolOptions<R>) {
    this.#options = options
    const { driver, limits, clock, deadlines, random, observer = NOBODY } = options
    const shared = { driver, limits, clock, deadlines, counts: this.counts }
    this.#observer = observer
    this.#errors = new CheckoutErrors(options.shard, random)
    this.#members = new Members({ ...shared, random, observer, onGone: () => this.#gone() })
    this.#idle = new IdleStack({
      ...shared,
      size: () => this.#members.size,
      onSurplus: (pooled, cause) => this.#close(pooled, cause),
    })
    this.#waiting = new WaitingRoom({
      ...shared,
      errors: this.#errors,
      stats: () => this.stats(),
      lastFailure: () => this.#connector.lastFailure,
      blockedBy: () => this.#budget.blockedBy,
    })
    this.#liveness = new Liveness({
      ...shared,
      onAlive: (pooled) => this.#settle(pooled),
      onDead: (pooled, askedAt) => this.#close(pooled, 'dead', askedAt),
    })
    this.#connector = new Connector({
      ...shared,
      random,
      onOpened: (resource) => this.#settle(this.#members.add(resource)),
      onLate: (resource) => this.#closeLate(resource),
      onFailed: () => this.#connectFailed(),
      onLost: (resource) => this.#lost(resource),
      onEnded: () => this.#budget.giveBack(),
      onReady: () => this.#advance(),
    })
    this.#places = new PlaceReservations({
      onFilled: (resource) => this.#settle(this.#members.add(resource)),
      onVacated: () => this.#vacated(),
      onLost: (resource) => this.#lost(resource),
    })
    this.#budget = options.joinBudget?.(this.#createBudgeted()) ?? UNLIMITED
  }

  /**
   * A free resource, on behalf of `tenant`, or undefined when there is none at once: then {@link wait}. Throws
   * PoolDrainingError.
   */
  tryAcquire(tenant?: string): Pooled<R> | undefined {
    this.#assertServing()
    if (this.#state.kind === 'paused' || !this.#waiting.admits(tenant)) return undefined
    const now = this.#options.clock.now()
    for (let next = this.#idle.top; next !== undefined; next = this.#idle.top) {
      const isUsable = this.#options.driver.isUsable(next.resource)
      if (isUsable && this.#liveness.isDue(next, now)) return undefined
      this.#idle.pop()
      if (isUsable) return this.#lend(next, tenant, now)
      this.#close(next, 'lost')
    }
    return undefined
  }

  /**
   * A place in the queue, for at most `timeoutMs` whatever happens meanwhile. Its promise rejects with
   * CheckoutTimeoutError, ShardUnavailableError, PoolOverloadedError or PoolDrainingError. Throws what
   * {@link assertAvailable} throws.
   */
  wait(timeoutMs = this.#options.limits.checkoutTimeoutMs, tenant?: string): PoolWaiter<R> {
    this.assertAvailable()
    this.#isInUse = true
    const waiter = this.#waiting.enter(timeoutMs, tenant)
    this.#advance()
    return waiter
  }

  /**
   * Throws PoolDrainingError, PoolOverloadedError or ShardUnavailableError when asking for a resource now would be
   * refused at once.
   */
  assertAvailable(): void {
    this.#assertServing()
    const failure = this.#hopelessness
    if (failure !== undefined) throw this.#waiting.unavailable(failure.error)
    // Those for whom a connection can still be opened do not queue behind anybody.
    const room = this.#budget.canTake ? this.#room : Math.min(this.#room, this.#connector.pending)
    this.#waiting.assertRoom(this.#idle.size + Math.max(0, room))
  }

  /**
   * Leaves the queue. False when the waiter was no longer in it: then it has been served or refused already, and a
   * resource that it was served must be given back by whoever awaits its promise.
   */
  leave(waiter: PoolWaiter<R>, reason: ShardingError): boolean {
    return this.#waiting.leave(waiter, reason)
  }

  /** Takes a resource back: it is lent again once it is as it was when it was opened. */
  release(pooled: Pooled<R>): void {
    if (this.#wasTaken(pooled)) return
    const now = this.#options.clock.now()
    this.holds.record(now - pooled.lentAt, now)
    const unwanted = this.#members.whyUnwanted(pooled, now)
    if (unwanted !== undefined || this.#isClosing) {
      this.#close(pooled, unwanted ?? 'drained')
      return
    }
    const reset = this.#options.driver.reset(pooled.resource)
    if (reset === undefined) {
      this.#settle(pooled)
      return
    }
    pooled.state = 'resetting'
    this.counts.scrubCount++
    reset.then(
      () => this.#settle(pooled),
      () => this.#close(pooled, 'unclean'),
    )
  }

  /** Takes a resource back that nobody may use again. */
  destroy(pooled: Pooled<R>): void {
    if (this.#wasTaken(pooled)) return
    const now = this.#options.clock.now()
    this.holds.record(now - pooled.lentAt, now)
    this.#close(pooled, 'destroyed', now)
  }

  stats(): PoolStats {
    const { max } = this.#options.limits
    const total = this.#members.size
    const active = total - this.#idle.size
    return {
      total,
      active,
      idle: this.#idle.size,
      waiting: this.#waiting.size,
      max,
      utilization: utilization(active, max),
    }
  }

  /** Lends nothing and opens nothing until {@link resume}; callers wait until then, or until their deadline. */
  pause(): void {
    if (this.#state.kind === 'open') this.#state = { kind: 'paused' }
  }

  resume(): void {
    if (this.#state.kind !== 'paused') return
    this.#state = { kind: 'open' }
    this.#advance()
  }

  /** Keeps `min` resources open from now on, as from the first use on. */
  keepMin(): void {
    this.#isInUse = true
    this.#advance()
  }

  /**
   * Lends nothing any more that was opened before: what is idle is closed at once, what is lent when it comes back, and
   * `min` of them are opened anew. Settles when nothing opened before is left.
   */
  rotate(): Promise<void> {
    const gone = this.#members.rotate()
    this.#connector.abandon(new Error('the pool opens its connections anew'))
    for (const pooled of this.#idle.popAll()) this.#close(pooled, 'rotated')
    this.#advance()
    return gone
  }

  /**
   * Keeps nothing for those who come next: from now on whatever nobody waits for is closed. Whoever knows the pool is
   * served as before, for as long as it takes.
   */
  retire(): void {
    this.#retirement ??= { since: this.#options.clock.now(), isOver: false }
    for (const pooled of this.#idle.popAll()) this.#close(pooled, 'drained')
    this.#finishRetiring()
  }

  /** The gate has shut: those who wait are refused, and nothing more is opened. What is lent stays so. */
  shut(): void {
    this.#connector.abandon(new Error('the circuit breaker has opened'))
    this.#waiting.refuseAll(() => this.#options.gate.refusal())
  }

  /** The gate is open again: connections are opened one at a time at first, so that many processes do not storm. */
  reopen(): void {
    this.#connector.restart()
    this.#advance()
  }

  /**
   * A place for a resource that somebody else opens, whether the gate is open or not. Where all are taken it is that of
   * an idle resource, or of the next one that is given back. Rejects with the signal's reason, or PoolDrainingError.
   */
  async reserve(signal: AbortSignal): Promise<Place<R>> {
    this.#assertNotClosing()
    signal.throwIfAborted()
    const place = this.#places.request(signal)
    this.#grantPlaces()
    return await place
  }

  /** Idle resources, and places for more, that are there for whoever comes next. */
  get spare(): number {
    if (this.#state.kind !== 'open' || !this.#options.gate.isOpen) return 0
    const room = this.#budget.canTake ? this.#room - this.#connector.pending : 0
    return this.#idle.size + Math.max(0, room)
  }

  /** Whether one more could be opened, without closing anything for it here or in another pool. */
  get hasRoom(): boolean {
    return this.#room > this.#connector.pending && this.#budget.hasRoom
  }

  /**
   * Whether the resource that would be lent next answers within `pingTimeoutMs`; undefined when there is none to ask.
   * Nobody who comes meanwhile is kept waiting for it: callers get another one, or whichever is there first.
   */
  probe(): Promise<boolean> | undefined {
    const { driver } = this.#options
    if (driver.ping === undefined) return undefined
    for (let next = this.#idle.pop(); next !== undefined; next = this.#idle.pop()) {
      const asked = next
      if (driver.isUsable(asked.resource)) {
        return new Promise((resolve) => this.#liveness.ask(asked, resolve))
      }
      this.#close(asked, 'lost')
    }
    return undefined
  }

  /**
   * Lends nothing any more, refuses those who wait, closes what is idle, and settles when everything lent has come
   * back and is closed, or after `deadlineMs`, when the rest is closed under its users.
   */
  close(deadlineMs: number): Promise<void> {
    if (this.#state.kind === 'draining') return this.#state.drain.done
    if (this.#state.kind === 'closed') return Promise.resolve()
    const { clock, deadlines } = this.#options
    const drain = new Drain({
      deadlines,
      deadline: clock.now() + deadlineMs,
      force: () => {
        for (const pooled of this.#members) this.#close(pooled, 'drained')
      },
    })
    this.#state = { kind: 'draining', drain, since: clock.now(), isDrained: this.#isGone }
    this.#connector.stop()
    this.#waiting.refuseAll(() => this.#errors.draining())
    this.#places.refuseAll(() => this.#errors.draining())
    for (const pooled of this.#idle.popAll()) this.#close(pooled, 'drained')
    this.#finishDraining()
    return drain.done
  }

  // --- What happens to a resource ----------------------------------------------------------------------------

  /** To somebody who has waited since `since`. */
  #lend(pooled: Pooled<R>, tenant: string | undefined, now: number, since = now): Pooled<R> {
    pooled.state = 'lent'
    pooled.tenant = tenant
    pooled.lentAt = now
    this.counts.checkoutCount++
    this.waits.record(now - since, now)
    this.#waiting.lent(tenant)
    this.#budget.lent()
    return pooled
  }

  /** The resource is clean, answers, and is nobody's: on to the next waiter, or to rest. */
  #settle(pooled: Pooled<R>): void {
    const now = this.#options.clock.now()
    const unwanted = this.#members.whyUnwanted(pooled, now)
    if (unwanted !== undefined || this.#isClosing || this.#lacksPlaces) {
      this.#close(pooled, unwanted ?? (this.#isClosing ? 'drained' : 'rotated'))
      return
    }
    const since = this.#waiting.since
    if (since !== undefined && this.#budget.mustYield(since)) {
      this.#close(pooled, 'evicted')
      return
    }
    const wasAsked = pooled.state === 'asked'
    this.#endLoan(pooled)
    if (!this.#serve(pooled, now)) {
      if (this.#retirement !== undefined) {
        this.#close(pooled, 'drained', now)
        return
      }
      this.#isExhausted = false
      pooled.state = 'idle'
      pooled.provenAt = now
      // To answer is no use of it.
      if (!wasAsked) pooled.idleSince = now
      this.#idle.push(pooled)
    }
    this.#advance()
    this.#noteRest()
  }

  #lost(resource: R): void {
    const pooled = this.#members.find(resource)
    // Whoever holds it finds out by using it, and gives it back.
    if (pooled?.state !== 'idle') return
    this.#idle.delete(pooled)
    this.#close(pooled, 'lost')
  }

  /** `suspectSince`: what has shown no sign of life after that is asked for one, should this be cause for alarm. */
  #close(pooled: Pooled<R>, cause: CloseCause, suspectSince = this.#options.clock.now()): void {
    if (pooled.state === 'closed') return
    this.#endLoan(pooled)
    this.#members.close(pooled, cause)
    this.#budget.closing()
    if (ALARMING.has(cause)) this.#askIdle(suspectSince)
    if (this.#waiting.size === 0) this.#isExhausted = false
    this.#advance()
    this.#noteRest()
    this.#finishDraining()
  }

  #closeLate(resource: R): void {
    this.#budget.adopt()
    this.#members.close(this.#members.add(resource), 'late')
    this.#budget.closing()
  }

  #vacated(): void {
    this.#budget.giveBack()
    this.#advance()
  }

  #gone(): void {
    this.#budget.gone()
    this.#advance()
    this.#finishDraining()
    this.#finishRetiring()
  }

  #endLoan(pooled: Pooled<R>): void {
    this.#waiting.returned(pooled.tenant)
    pooled.tenant = undefined
  }

  #askIdle(suspectSince: number): void {
    const doubtful = this.#idle.popAll()
    for (const pooled of doubtful) {
      if (this.#liveness.doubts(pooled, suspectSince)) {
        this.#liveness.loseFaith()
        this.#liveness.ask(pooled)
      } else this.#idle.push(pooled)
    }
  }

  /** Whether a forced close has taken the resource from its user. Given back twice is a bug, never tolerated. */
  #wasTaken(pooled: Pooled<R>): boolean {
    if (pooled.state === 'closed' && this.#isClosing) return true
    if (pooled.state !== 'lent') throw new Error(`a resource was given back although it is ${pooled.state}`)
    return false
  }

  // --- Those who wait ----------------------------------------------------------------------------------------

  #serve(pooled: Pooled<R>, now: number): boolean {
    const waiter = this.#state.kind === 'open' ? this.#waiting.next(now) : undefined
    if (waiter === undefined) return false
    waiter.serve(this.#lend(pooled, waiter.tenant, now, waiter.since))
    return true
  }

  /** Places that are free, or for which an attempt to connect is under way. */
  get #room(): number {
    return this.#options.limits.max - this.#members.places - this.#places.held
  }

  /** Something has changed: hands out what is idle, and opens what is missing. */
  #advance(): void {
    if (this.#places.wanted > 0) this.#grantPlaces()
    if (this.#state.kind !== 'open' || !this.#options.gate.isOpen) return
    const failure = this.#hopelessness
    if (failure !== undefined) this.#waiting.refuseAll(() => this.#waiting.unavailable(failure.error))
    if (this.#waiting.size > 0) this.#handOut()
    this.#grow()
    if (this.#waiting.size > 0 && !this.#isExhausted) this.#noteExhaustion()
  }

  #grantPlaces(): void {
    const free = this.#room - this.#connector.pending
    for (let left = free; left > 0 && this.#places.wanted > 0 && this.#budget.take(true); left--)
      this.#places.grant(1)
    const spare = this.#lacksPlaces ? this.#idle.pop() : undefined
    if (spare !== undefined) this.#close(spare, 'rotated')
  }

  /** Whether more places are asked for than become free by themselves. */
  get #lacksPlaces(): boolean {
    return this.#places.wanted > this.#members.closing
  }

  /** Brings those who may have a resource and what is idle together. */
  #handOut(): void {
    const { driver, limits, clock } = this.#options
    const now = clock.now()
    while (this.#waiting.eligible(limits.max) > this.#liveness.expected) {
      const next = this.#idle.pop()
      if (next === undefined) return
      if (!driver.isUsable(next.resource)) this.#close(next, 'lost')
      else if (this.#liveness.isDue(next, now)) this.#liveness.ask(next)
      else if (!this.#serve(next, now)) this.#idle.push(next)
    }
  }

  /** Attempts for each who may have a resource and for whom none is on its way. */
  get #missing(): number {
    const room = this.#room
    const { expected } = this.#liveness
    return Math.min(this.#waiting.eligible(room + expected) - expected, room) - this.#connector.pending
  }

  /** One attempt for each of those, and for what `min` lacks. */
  #grow(): void {
    const { pending } = this.#connector
    const forCallers = this.#missing
    const keepsMin = this.#isInUse && this.#retirement === undefined
    const forMin = keepsMin ? this.#options.limits.min - this.#members.size : 0
    const wanted = Math.max(forCallers, Math.min(forMin, this.#room) - pending)
    this.#connector.open(wanted, () => this.#budget.take(this.#connector.pending - pending < forCallers))
  }

  /** The last failure, when nothing is open or being opened, and it is too early for the next attempt. */
  get #hopelessness(): ConnectFailure | undefined {
    const { isResting, pending, lastFailure } = this.#connector
    const hasHope = !isResting || this.#state.kind !== 'open' || this.#members.size + pending > 0
    return hasHope ? undefined : lastFailure
  }

  #noteExhaustion(): void {
    // Where places are free a connection is being opened; where one is idle, tenants have their share.
    if (this.#room > 0 || this.#idle.size > 0) return
    this.#isExhausted = true
    this.#observer.exhausted()
  }

  // --- What is shared with other pools -----------------------------------------------------------------------

  #createBudgeted(): BudgetedPool {
    const pool = this
    return {
      get wantsMore() {
        return pool.#wantsMore
      },
      onRoom: () => pool.#advance(),
      yieldOne() {
        const oldest = pool.#idle.popOldest()
        if (oldest !== undefined) pool.#close(oldest, 'evicted')
        return oldest !== undefined
      },
      yieldAll() {
        pool.#isInUse = false
        for (const pooled of pool.#idle.popAll()) pool.#close(pooled, 'evicted')
      },
    }
  }

  get #wantsMore(): boolean {
    if (this.#places.wanted > 0) return true
    if (this.#state.kind !== 'open' || !this.#options.gate.isOpen || this.#connector.isResting) return false
    return this.#missing > 0
  }

  /** Whoever shares a budget with this pool may want what is idle. */
  #noteRest(): void {
    if (this.#idle.size === 0) return
    const isUnused =
      this.#idle.size === this.#members.size &&
      this.#waiting.size + this.#connector.pending + this.#places.held + this.#places.wanted === 0
    this.#budget.rested(isUnused)
  }

  #connectFailed(): void {
    this.counts.connectFailureCount++
    this.#advance()
    this.#noteRest()
  }

  #assertServing(): void {
    this.#assertNotClosing()
    if (!this.#options.gate.isOpen) throw this.#options.gate.refusal()
  }

  #assertNotClosing(): void {
    if (this.#isClosing) throw this.#errors.draining()
  }

  get #isClosing(): boolean {
    return this.#state.kind === 'draining' || this.#state.kind === 'closed'
  }

  /** Whether it has been told that nothing is left. */
  get #isGone(): boolean {
    return this.#retirement?.isOver ?? false
  }

  /** Tells it once, although somebody who has known the pool may still come. */
  #finishRetiring(): void {
    if (this.#retirement === undefined || this.#isGone || this.#isClosing) return
    if (this.#members.places > 0 || this.#waiting.size > 0) return
    this.#retirement.isOver = true
    const durationMs = this.#options.clock.now() - this.#retirement.since
    this.#observer.drained(durationMs)
    this.#observer.closed(durationMs)
  }

  #finishDraining(): void {
    if (this.#state.kind !== 'draining' || this.#members.size > 0) return
    const { drain, since, isDrained } = this.#state
    const durationMs = this.#options.clock.now() - since
    if (!isDrained) {
      this.#state.isDrained = true
      this.#observer.drained(durationMs)
    }
    if (this.#members.places > 0) return
    this.#state = { kind: 'closed' }
    drain.finish()
    if (!this.#isGone) this.#observer.closed(durationMs)
  }
}
