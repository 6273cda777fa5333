import type { PoolConfig } from '../config/resolved-config.ts'
import type { ShardingError } from '../errors.ts'
import type { LatencyWindow } from '../util/latency-window.ts'
import type { Gate } from './gate.ts'
import type { Place } from './place-reservations.ts'
import { PoolCore, type ShardPoolOptions } from './pool-core.ts'
import type { PoolCounts } from './pool-counts.ts'
import type { PoolStats } from './pool-stats.ts'
import type { PoolWaiter } from './pool-waiter.ts'
import type { Pooled } from './pooled.ts'
import type { ResourceDriver } from './resource-driver.ts'

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
  readonly #core: PoolCore<R>
  readonly #driver: ResourceDriver<R>
  readonly #limits: PoolConfig
  readonly #gate: Gate

  constructor(options: ShardPoolOptions<R>) {
    this.#core = new PoolCore(options)
    this.#driver = options.driver
    this.#limits = options.limits
    this.#gate = options.gate
  }

  /** What has happened since it was made. */
  get counts(): PoolCounts {
    return this.#core.usage.counts
  }

  /** How long those who were lent something had waited for it. */
  get waits(): LatencyWindow {
    return this.#core.usage.waits
  }

  /** How long they had it. */
  get holds(): LatencyWindow {
    return this.#core.usage.holds
  }

  stats(): PoolStats {
    return this.#core.stats()
  }

  /**
   * A free resource, on behalf of `tenant`, or undefined when there is none at once: then {@link wait}. Throws
   * PoolDrainingError.
   */
  tryAcquire(tenant?: string): Pooled<R> | undefined {
    this.#assertServing()
    return this.#core.lendIdle(tenant)
  }

  /**
   * A place in the queue, for at most `timeoutMs` whatever happens meanwhile. Its promise rejects with
   * CheckoutTimeoutError, ShardUnavailableError, PoolOverloadedError or PoolDrainingError. Throws what
   * {@link assertAvailable} throws.
   */
  wait(timeoutMs = this.#limits.checkoutTimeoutMs, tenant?: string): PoolWaiter<R> {
    this.assertAvailable()
    this.#core.growth.begin()
    const waiter = this.#core.waiting.enter(timeoutMs, tenant)
    this.#core.advance()
    return waiter
  }

  /**
   * Throws PoolDrainingError, PoolOverloadedError or ShardUnavailableError when asking for a resource now would be
   * refused at once.
   */
  assertAvailable(): void {
    this.#assertServing()
    const failure = this.#core.growth.hopelessness
    if (failure !== undefined) throw this.#core.waiting.unavailable(failure.error)
    // Those for whom a connection can still be opened do not queue behind anybody.
    if (this.#core.waiting.isLong)
      this.#core.waiting.assertRoom(this.#core.idle.size + this.#core.places.forCallers)
  }

  /**
   * Leaves the queue. False when the waiter was no longer in it: then it has been served or refused already, and a
   * resource that it was served must be given back by whoever awaits its promise.
   */
  leave(waiter: PoolWaiter<R>, reason: ShardingError): boolean {
    return this.#core.waiting.leave(waiter, reason)
  }

  /** Takes a resource back: it is lent again once it is as it was when it was opened. */
  release(pooled: Pooled<R>): void {
    this.#core.release(pooled)
  }

  /** Takes a resource back that nobody may use again. */
  destroy(pooled: Pooled<R>): void {
    this.#core.destroy(pooled)
  }

  /** Lends nothing and opens nothing until {@link resume}; callers wait until then, or until their deadline. */
  pause(): void {
    this.#core.life.pause()
  }

  resume(): void {
    if (this.#core.life.resume()) this.#core.advance()
  }

  /** Keeps `min` resources open from now on, as from the first use on. */
  keepMin(): void {
    this.#core.growth.begin()
    this.#core.advance()
  }

  /**
   * Lends nothing any more that was opened before: what is idle is closed at once, what is lent when it comes back, and
   * `min` of them are opened anew. Settles when nothing opened before is left.
   */
  rotate(): Promise<void> {
    const gone = this.#core.members.rotate()
    this.#core.connector.abandon(new Error('the pool opens its connections anew'))
    this.#core.closeIdle('rotated')
    this.#core.advance()
    return gone
  }

  /**
   * Keeps nothing for those who come next: from now on whatever nobody waits for is closed. Whoever knows the pool is
   * served as before, for as long as it takes.
   */
  retire(): void {
    this.#core.life.retire()
    this.#core.closeIdle('drained')
    this.#core.noteEnd()
  }

  /** The gate has shut: those who wait are refused, and nothing more is opened. What is lent stays so. */
  shut(): void {
    this.#core.connector.abandon(new Error('the circuit breaker has opened'))
    this.#core.waiting.refuseAll(() => this.#gate.refusal())
  }

  /** The gate is open again: connections are opened one at a time at first, so that many processes do not storm. */
  reopen(): void {
    this.#core.connector.restart()
    this.#core.advance()
  }

  /**
   * A place for a resource that somebody else opens, whether the gate is open or not. Where all are taken it is that of
   * an idle resource, or of the next one that is given back. Rejects with the signal's reason, or PoolDrainingError.
   */
  async reserve(signal: AbortSignal): Promise<Place<R>> {
    this.#assertNotClosing()
    signal.throwIfAborted()
    const place = this.#core.places.reserve(signal)
    this.#core.grantPlaces()
    return await place
  }

  /** Idle resources, and places for more, that are there for whoever comes next. */
  get spare(): number {
    return this.#core.life.isOpen && this.#gate.isOpen ? this.#core.idle.size + this.#core.places.spare : 0
  }

  /** Whether one more could be opened, without closing anything for it here or in another pool. */
  get hasRoom(): boolean {
    return this.#core.places.hasRoom
  }

  /**
   * Whether the resource that would be lent next answers within `pingTimeoutMs`; undefined when there is none to ask.
   * Nobody who comes meanwhile is kept waiting for it: callers get another one, or whichever is there first.
   */
  probe(): Promise<boolean> | undefined {
    if (this.#driver.ping === undefined) return undefined
    for (let next = this.#core.idle.pop(); next !== undefined; next = this.#core.idle.pop()) {
      const asked = next
      if (this.#driver.isUsable(asked.resource)) {
        return new Promise((resolve) => this.#core.liveness.ask(asked, resolve))
      }
      this.#core.close(asked, 'lost')
    }
    return undefined
  }

  /**
   * Lends nothing any more, refuses those who wait, closes what is idle, and settles when everything lent has come
   * back and is closed, or after `deadlineMs`, when the rest is closed under its users.
   */
  close(deadlineMs: number): Promise<void> {
    const drained = this.#core.life.drain(deadlineMs, () => {
      for (const pooled of this.#core.members) this.#core.close(pooled, 'drained')
    })
    if (drained === undefined) return this.#core.life.drained
    this.#core.connector.stop()
    this.#core.waiting.refuseAll(() => this.#core.errors.draining())
    this.#core.places.refuseAll(() => this.#core.errors.draining())
    this.#core.closeIdle('drained')
    this.#core.noteEnd()
    return drained
  }

  #assertServing(): void {
    this.#assertNotClosing()
    if (!this.#gate.isOpen) throw this.#gate.refusal()
  }

  #assertNotClosing(): void {
    if (this.#core.life.isClosing) throw this.#core.errors.draining()
  }
}
