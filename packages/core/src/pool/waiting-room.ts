import type { PoolConfig } from '../config/resolved-config.ts'
import type { ShardingError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { Alarm } from './alarm.ts'
import type { ConnectFailure } from './connector.ts'
import { FairQueue } from './fair-queue.ts'
import { FifoQueue } from './fifo-queue.ts'
import type { PoolCounts } from './pool-counts.ts'
import type { PoolErrors } from './pool-errors.ts'
import type { PoolQueue } from './pool-queue.ts'
import type { PoolStats } from './pool-stats.ts'
import { PoolWaiter } from './pool-waiter.ts'
import { Shedding } from './shedding.ts'

export interface WaitingRoomOptions {
  readonly limits: PoolConfig
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly counts: PoolCounts
  readonly errors: PoolErrors
  readonly stats: () => PoolStats
  readonly lastFailure: () => ConnectFailure | undefined
  /** The limit that is shared with other pools and that callers wait for, if they do. */
  readonly blockedBy: () => string | undefined
}

/** Where callers wait for a resource: until it is their turn, their deadline, or clear that they wait in vain. */
export class WaitingRoom<R> {
  readonly #options: WaitingRoomOptions
  readonly #queue: PoolQueue<R>
  readonly #shedding: Shedding | undefined
  /** For the first of the deadlines of those who wait. */
  readonly #alarm: Alarm

  constructor(options: WaitingRoomOptions) {
    this.#options = options
    const { perTenantMax, shedTargetMs: targetMs, shedIntervalMs: intervalMs } = options.limits
    this.#queue = perTenantMax === null ? new FifoQueue() : new FairQueue(perTenantMax)
    this.#shedding = targetMs === null ? undefined : new Shedding({ targetMs, intervalMs })
    this.#alarm = new Alarm(options.deadlines, () => this.#expireDue())
  }

  get size(): number {
    return this.#queue.size
  }

  /** Since when the next one waits; undefined when nobody does who may have a resource. */
  get since(): number | undefined {
    return this.#queue.size === 0 ? undefined : this.#queue.peek()?.since
  }

  /** Those who may have a resource as soon as there is one, counted up to `most`. */
  eligible(most: number): number {
    return this.#queue.eligible(most)
  }

  /** Whether `tenant` may have a resource now, if one is free. */
  admits(tenant: string | undefined): boolean {
    return this.#queue.admits(tenant)
  }

  lent(tenant: string | undefined): void {
    this.#queue.lent(tenant)
  }

  returned(tenant: string | undefined): void {
    this.#queue.returned(tenant)
  }

  /** Whether so many wait that not everybody may join them. */
  get isLong(): boolean {
    return this.#queue.size >= this.#options.limits.maxWaiting
  }

  /** Throws PoolOverloadedError when `maxWaiting` callers wait, and `served` more who will not have to wait for anybody. */
  assertRoom(served: number): void {
    const { limits, counts, errors, stats } = this.#options
    if (this.#queue.size < limits.maxWaiting + served) return
    counts.shedCount++
    this.#shedding?.came()
    this.#shedding?.waitedInVain()
    throw errors.overloaded(stats(), limits.maxWaiting)
  }

  enter(timeoutMs: number, tenant: string | undefined): PoolWaiter<R> {
    const now = this.#options.clock.now()
    if (this.#queue.size === 0) this.#shedding?.restart(now)
    else this.#shed(now)
    this.#shedding?.came()
    const waiter = new PoolWaiter<R>({ since: now, timeoutMs, tenant })
    this.#queue.add(waiter)
    this.#alarm.setFor(waiter.deadline)
    return waiter
  }

  /** Takes out whoever is next, if anybody may have a resource now. */
  next(now: number): PoolWaiter<R> | undefined {
    if (this.#queue.size === 0) return undefined
    for (let waiter = this.#queue.peek(); waiter !== undefined; waiter = this.#queue.peek()) {
      this.#shedding?.note(now - waiter.since, now)
      if (!this.#isShed(waiter, now)) {
        this.#remove(waiter, true)
        this.#shedding?.served()
        return waiter
      }
      this.#refuseShed(waiter)
    }
    return undefined
  }

  leave(waiter: PoolWaiter<R>, reason: ShardingError): boolean {
    if (!this.#remove(waiter, false)) return false
    this.#options.counts.abortCount++
    waiter.refuse(reason)
    return true
  }

  /** Refuses everybody, those who may not have a resource now included. */
  refuseAll(error: () => ShardingError): void {
    for (const waiter of this.#queue) {
      this.#remove(waiter, false)
      waiter.refuse(error())
    }
  }

  unavailable(cause: unknown): ShardingError {
    this.#options.counts.unavailableCount++
    return this.#options.errors.unavailable(cause)
  }

  #shed(now: number): void {
    for (
      let waiter = this.#queue.peek();
      waiter !== undefined && this.#isShed(waiter, now);
      waiter = this.#queue.peek()
    )
      this.#refuseShed(waiter)
  }

  /**
   * Whoever said that he waits for longer than others do is taken at his word. Past a deadline is only who waited while
   * the event loop stood still.
   */
  #isShed({ since, timeoutMs, deadline }: PoolWaiter<R>, now: number): boolean {
    if (timeoutMs > this.#options.limits.checkoutTimeoutMs || now >= deadline) return false
    return this.#shedding?.refuses(now - since) ?? false
  }

  #refuseShed(waiter: PoolWaiter<R>): void {
    const { limits, counts, errors } = this.#options
    this.#remove(waiter, false)
    counts.shedCount++
    this.#shedding?.waitedInVain()
    waiter.refuse(errors.shed(limits.shedTargetMs ?? 0, limits.shedIntervalMs))
  }

  #expireDue(): void {
    const now = this.#options.clock.now()
    const due: PoolWaiter<R>[] = []
    for (const waiter of this.#queue) {
      if (waiter.deadline <= now) due.push(waiter)
      else this.#alarm.setFor(waiter.deadline)
    }
    for (const waiter of due) this.#expire(waiter)
  }

  #expire(waiter: PoolWaiter<R>): void {
    if (!this.#remove(waiter, false)) return
    const { limits, counts, errors, stats, lastFailure, blockedBy } = this.#options
    counts.timeoutCount++
    // That somebody is in a greater hurry than others says nothing about the queue.
    if (waiter.timeoutMs >= limits.checkoutTimeoutMs) this.#shedding?.waitedInVain()
    const failure = lastFailure()
    // An older failure has nothing to do with this caller.
    const cause = failure !== undefined && failure.at >= waiter.since ? failure.error : undefined
    waiter.refuse(errors.timeout(waiter.timeoutMs, { ...stats(), blockedBy: blockedBy() }, cause))
  }

  #remove(waiter: PoolWaiter<R>, isServed: boolean): boolean {
    const wasThere = this.#queue.delete(waiter, isServed)
    if (this.#queue.size === 0) this.#alarm.cancel()
    return wasThere
  }
}
