import type { PoolConfig } from '../config/resolved-config.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { Connector } from './connector.ts'
import type { Gate } from './gate.ts'
import { Growth } from './growth.ts'
import { IdleStack } from './idle-stack.ts'
import { Liveness } from './liveness.ts'
import { Members } from './members.ts'
import type { BudgetedPool, OpeningBudget } from './opening-budget.ts'
import { Places } from './places.ts'
import type { CloseCause } from './pool-counts.ts'
import type { PoolErrors } from './pool-errors.ts'
import { PoolLife } from './pool-life.ts'
import { NOBODY, type PoolObserver } from './pool-observer.ts'
import { type PoolStats, utilization } from './pool-stats.ts'
import { PoolUsage } from './pool-usage.ts'
import type { Pooled } from './pooled.ts'
import type { ResourceDriver } from './resource-driver.ts'
import { WaitingRoom } from './waiting-room.ts'

export interface ShardPoolOptions<R> {
  readonly errors: PoolErrors
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

/** After these, whatever has lain idle since before may be broken as well. */
const ALARMING: ReadonlySet<CloseCause> = new Set(['lost', 'dead', 'destroyed', 'unclean'])

/**
 * What becomes of a pool's resources, from the moment in which they are open until they are closed: lent, given back,
 * reset, asked, at rest. Every transition is here, and each is made whole within one call; whom or what it concerns is
 * decided by the parts around it.
 */
export class PoolCore<R> {
  readonly errors: PoolErrors
  readonly usage: PoolUsage
  readonly life: PoolLife
  readonly members: Members<R>
  readonly idle: IdleStack<R>
  readonly waiting: WaitingRoom<R>
  readonly liveness: Liveness<R>
  readonly connector: Connector<R>
  readonly places: Places<R>
  readonly growth: Growth<R>
  readonly #budget: OpeningBudget
  readonly #driver: ResourceDriver<R>
  readonly #limits: PoolConfig
  readonly #clock: Clock
  readonly #gate: Gate

  constructor(options: ShardPoolOptions<R>) {
    const { driver, limits, clock, deadlines, random, gate, joinBudget, observer = NOBODY } = options
    this.#driver = driver
    this.#limits = limits
    this.#clock = clock
    this.#gate = gate
    this.errors = options.errors
    this.usage = new PoolUsage(observer)
    this.life = new PoolLife({ clock, deadlines, observer })
    const shared = { driver, limits, clock, deadlines, gate, counts: this.usage.counts }
    this.members = new Members({ ...shared, random, observer, onGone: () => this.#gone() })
    this.idle = new IdleStack({
      ...shared,
      size: () => this.members.size,
      onSurplus: (pooled, cause) => this.close(pooled, cause),
    })
    this.waiting = new WaitingRoom({
      ...shared,
      errors: this.errors,
      stats: () => this.stats(),
      lastFailure: () => this.connector.lastFailure,
      blockedBy: () => this.#budget.blockedBy,
    })
    this.liveness = new Liveness({
      ...shared,
      onAlive: (pooled) => this.#settle(pooled),
      onDead: (pooled, askedAt) => this.close(pooled, 'dead', askedAt),
    })
    this.connector = new Connector({
      ...shared,
      random,
      onOpened: (resource) => this.#settle(this.members.add(resource)),
      onLate: (resource) => this.#closeLate(resource),
      onFailed: () => this.#connectFailed(),
      onLost: (resource) => this.#lost(resource),
      onEnded: () => this.#budget.giveBack(),
      onReady: () => this.advance(),
    })
    this.places = new Places({
      max: limits.max,
      members: this.members,
      connector: this.connector,
      joinBudget,
      pool: this.#createBudgeted(),
      onFilled: (resource) => this.#settle(this.members.add(resource)),
      onVacated: () => this.advance(),
      onLost: (resource) => this.#lost(resource),
    })
    this.#budget = this.places.budget
    this.growth = new Growth({
      ...shared,
      life: this.life,
      members: this.members,
      waiting: this.waiting,
      liveness: this.liveness,
      connector: this.connector,
      places: this.places,
    })
  }

  stats(): PoolStats {
    const { max } = this.#limits
    const total = this.members.size
    const idle = this.idle.size
    const active = total - idle
    return { total, active, idle, waiting: this.waiting.size, max, utilization: utilization(active, max) }
  }

  /** A resource at rest that can be lent as it is, if there is one. */
  lendIdle(tenant: string | undefined): Pooled<R> | undefined {
    if (!this.life.isOpen || this.idle.size === 0 || !this.waiting.admits(tenant)) return undefined
    const now = this.#clock.now()
    for (let next = this.idle.top; next !== undefined; next = this.idle.top) {
      const isUsable = this.#driver.isUsable(next.resource)
      if (isUsable && this.liveness.isDue(next, now)) return undefined
      this.idle.pop()
      if (isUsable) return this.#lend(next, tenant, now)
      this.close(next, 'lost')
    }
    return undefined
  }

  /** It has been given back: it is lent again once it is as it was when it was opened. */
  release(pooled: Pooled<R>): void {
    if (this.#wasTaken(pooled)) return
    const now = this.#clock.now()
    this.usage.returned(pooled.lentAt, now)
    const unwanted = this.#whyUnwanted(pooled, now)
    if (unwanted !== undefined) {
      this.close(pooled, unwanted)
      return
    }
    const reset = this.#driver.reset(pooled.resource)
    if (reset === undefined) {
      // Whoever waits and may have one has got this one: nothing is missing that was not before.
      if (this.#pass(pooled, now) !== 'idle') return
      if (this.waiting.size > 0 || this.places.isWanted) this.advance()
      this.#noteRest()
      return
    }
    pooled.state = 'resetting'
    this.usage.counts.scrubCount++
    reset.then(
      () => this.#settle(pooled),
      () => this.close(pooled, 'unclean'),
    )
  }

  /** It has been given back, and nobody may use it again. */
  destroy(pooled: Pooled<R>): void {
    if (this.#wasTaken(pooled)) return
    const now = this.#clock.now()
    this.usage.returned(pooled.lentAt, now)
    this.close(pooled, 'destroyed', now)
  }

  /** To somebody who has waited since `since`. */
  #lend(pooled: Pooled<R>, tenant: string | undefined, now: number, since = now): Pooled<R> {
    pooled.state = 'lent'
    pooled.tenant = tenant
    pooled.lentAt = now
    pooled.wasLent = true
    this.usage.lent(since, now)
    this.waiting.lent(tenant)
    this.#budget.lent()
    return pooled
  }

  #serve(pooled: Pooled<R>, now: number): boolean {
    const waiter = this.life.isOpen ? this.waiting.next(now) : undefined
    if (waiter === undefined) return false
    waiter.serve(this.#lend(pooled, waiter.tenant, now, waiter.since))
    return true
  }

  /** The resource is there, and is nobody's: it may have been opened, been reset, or have answered. */
  #settle(pooled: Pooled<R>): void {
    const now = this.#clock.now()
    const unwanted = this.#whyUnwanted(pooled, now)
    if (unwanted !== undefined) this.close(pooled, unwanted)
    else if (this.#pass(pooled, now) !== 'closed') {
      this.advance()
      this.#noteRest()
    }
  }

  /** Why it may not be lent again, as far as that is known without asking anybody. */
  #whyUnwanted(pooled: Pooled<R>, now: number): CloseCause | undefined {
    return this.members.whyUnwanted(pooled, now) ?? (this.life.isClosing ? 'drained' : undefined)
  }

  /** The resource is clean and answers: on to the next waiter, to rest, or out, where its place is for somebody else. */
  #pass(pooled: Pooled<R>, now: number): 'lent' | 'idle' | 'closed' {
    if (this.places.isLacking) return this.close(pooled, 'rotated')
    const { since } = this.waiting
    // Whoever it was opened for comes first: pools that only ever opened for each other would serve nobody.
    const isForOthers = pooled.wasLent && since !== undefined && this.#budget.mustYield(since)
    if (isForOthers) return this.close(pooled, 'evicted')
    this.#endLoan(pooled)
    if (this.#serve(pooled, now)) return 'lent'
    if (this.life.isRetired) return this.close(pooled, 'drained', now)
    this.usage.relieved()
    // To answer is no use of it.
    if (pooled.state !== 'asked') pooled.idleSince = now
    pooled.state = 'idle'
    pooled.provenAt = now
    this.idle.push(pooled)
    return 'idle'
  }

  #lost(resource: R): void {
    const pooled = this.members.find(resource)
    // Whoever holds it finds out by using it, and gives it back.
    if (pooled?.state !== 'idle') return
    this.idle.delete(pooled)
    this.close(pooled, 'lost')
  }

  /** `suspectSince`: what has shown no sign of life after that is asked for one, should this be cause for alarm. */
  close(pooled: Pooled<R>, cause: CloseCause, suspectSince = this.#clock.now()): 'closed' {
    if (pooled.state === 'closed') return 'closed'
    this.#endLoan(pooled)
    this.members.close(pooled, cause)
    this.#budget.closing()
    if (ALARMING.has(cause)) this.#askIdle(suspectSince)
    if (this.waiting.size === 0) this.usage.relieved()
    this.advance()
    this.#noteRest()
    this.noteEnd()
    return 'closed'
  }

  closeIdle(cause: CloseCause): void {
    for (const pooled of this.idle.popAll()) this.close(pooled, cause)
  }

  #closeLate(resource: R): void {
    this.#budget.adopt()
    this.members.close(this.members.add(resource), 'late')
    this.#budget.closing()
  }

  #gone(): void {
    this.#budget.gone()
    this.advance()
    this.noteEnd()
  }

  #endLoan(pooled: Pooled<R>): void {
    this.waiting.returned(pooled.tenant)
    pooled.tenant = undefined
  }

  #askIdle(suspectSince: number): void {
    const doubtful = this.idle.popAll()
    for (const pooled of doubtful) {
      if (this.liveness.doubts(pooled, suspectSince)) {
        this.liveness.loseFaith()
        this.liveness.ask(pooled)
      } else this.idle.push(pooled)
    }
  }

  /** Whether a forced close has taken the resource from its user. Given back twice is a bug, never tolerated. */
  #wasTaken(pooled: Pooled<R>): boolean {
    if (pooled.state === 'lent') return false
    if (pooled.state === 'closed' && this.life.isClosing) return true
    throw new Error(`a resource was given back although it is ${pooled.state}`)
  }

  /** Something has changed: hands out what is idle, and opens what is missing. */
  advance(): void {
    if (this.places.isWanted) this.grantPlaces()
    if (!this.life.isOpen || !this.#gate.isOpen) return
    const failure = this.growth.hopelessness
    if (failure !== undefined) this.waiting.refuseAll(() => this.waiting.unavailable(failure.error))
    if (this.waiting.size > 0 && this.idle.size > 0) this.#handOut()
    this.growth.grow()
    // Where places are free a connection is being opened; where one is idle, tenants have their share.
    if (this.waiting.size > 0 && this.places.room <= 0 && this.idle.size === 0) this.usage.exhausted()
  }

  grantPlaces(): void {
    this.places.grant()
    const spare = this.places.isLacking ? this.idle.pop() : undefined
    if (spare !== undefined) this.close(spare, 'rotated')
  }

  /** Brings those who may have a resource and what is idle together. */
  #handOut(): void {
    const now = this.#clock.now()
    while (this.waiting.eligible(this.#limits.max) > this.liveness.expected) {
      const next = this.idle.pop()
      if (next === undefined) return
      if (!this.#driver.isUsable(next.resource)) this.close(next, 'lost')
      else if (this.liveness.isDue(next, now)) this.liveness.ask(next)
      else if (!this.#serve(next, now)) this.idle.push(next)
    }
  }

  #connectFailed(): void {
    this.usage.counts.connectFailureCount++
    this.advance()
    this.#noteRest()
  }

  /** Whoever shares a budget with this pool may want what is idle. */
  #noteRest(): void {
    const idle = this.idle.size
    if (idle === 0) return
    const isUnused =
      idle === this.members.size &&
      this.waiting.size + this.connector.pending === 0 &&
      !this.places.isReserved
    this.#budget.rested(isUnused)
  }

  noteEnd(): void {
    const { size: open, places } = this.members
    this.life.note({ open, places, waiting: this.waiting.size })
  }

  #createBudgeted(): BudgetedPool {
    const pool = this
    return {
      get wantsMore() {
        return pool.growth.isWanted
      },
      onRoom: () => pool.advance(),
      yieldOne() {
        const oldest = pool.idle.popOldest()
        if (oldest !== undefined) pool.close(oldest, 'evicted')
        return oldest !== undefined
      },
      yieldAll() {
        pool.growth.end()
        pool.closeIdle('evicted')
      },
    }
  }
}
