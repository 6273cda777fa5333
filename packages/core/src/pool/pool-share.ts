import type { Clock } from '../util/clock.ts'
import type { BudgetHolder } from './budget-holder.ts'
import type { ConnectionBudget } from './connection-budget.ts'
import type { OpenPools } from './open-pools.ts'
import type { BudgetedPool, OpeningBudget } from './opening-budget.ts'

export interface PoolShareOptions {
  readonly pool: BudgetedPool
  /** Those of the process and of the server. */
  readonly budgets: readonly ConnectionBudget[]
  readonly openPools: OpenPools
  readonly clock: Clock
  /** Whether idle connections may be closed for others: not where that would be the database's end. */
  readonly isEvictable: boolean
}

/** One pool's part in what pools share. A connection needs room in everything at once, or takes it nowhere. */
export class PoolShare implements OpeningBudget, BudgetHolder {
  readonly #options: PoolShareOptions
  #taken = 0
  #closing = 0
  #blockedBy: ConnectionBudget | OpenPools | undefined
  #wantingSince = 0

  constructor(options: PoolShareOptions) {
    this.#options = options
  }

  get taken(): number {
    return this.#taken
  }

  get staying(): number {
    return this.#taken - this.#closing
  }

  get wantingSince(): number {
    return this.#wantingSince
  }

  get wantsMore(): boolean {
    return this.#options.pool.wantsMore
  }

  get canTake(): boolean {
    const { budgets, openPools } = this.#options
    return (this.#taken > 0 || openPools.canServe) && budgets.every((budget) => budget.canServe(this))
  }

  get hasRoom(): boolean {
    return this.#full === undefined
  }

  get blockedBy(): string | undefined {
    return this.#blockedBy?.description
  }

  take(isUrgent: boolean): boolean {
    const full = this.#full
    if (full === undefined) {
      this.#blockedBy = undefined
      this.adopt()
      return true
    }
    if (!isUrgent) return false
    if (this.#blockedBy === undefined) this.#wantingSince = this.#options.clock.now()
    this.#blockedBy = full
    full.want(this)
    return false
  }

  adopt(): void {
    const { budgets, openPools } = this.#options
    for (const budget of budgets) budget.take(this)
    if (this.#taken++ === 0) openPools.opened(this)
    openPools.used(this)
  }

  giveBack(): void {
    const { budgets, openPools } = this.#options
    this.#taken--
    for (const budget of budgets) budget.giveBack(this)
    if (this.#taken === 0) openPools.emptied(this)
  }

  closing(): void {
    this.#closing++
    for (const budget of this.#options.budgets) budget.closing()
  }

  gone(): void {
    this.#closing--
    for (const budget of this.#options.budgets) budget.gone()
    this.giveBack()
  }

  lent(): void {
    this.#options.openPools.used(this)
  }

  rested(isUnused: boolean): void {
    const { budgets, openPools, isEvictable } = this.#options
    if (!isEvictable) return
    for (const budget of budgets) budget.rested(this)
    if (isUnused) openPools.rested(this)
  }

  mustYield(since: number): boolean {
    const { budgets, isEvictable } = this.#options
    return isEvictable && budgets.some((budget) => budget.isClaimed(this, since))
  }

  offer(): void {
    this.#options.pool.onRoom()
  }

  yieldOne(): boolean {
    return this.#options.pool.yieldOne()
  }

  yieldAll(): void {
    this.#options.pool.yieldAll()
  }

  get #full(): ConnectionBudget | OpenPools | undefined {
    const { budgets, openPools } = this.#options
    if (this.#taken === 0 && openPools.isFull) return openPools
    return budgets.find(({ isFull }) => isFull)
  }
}
