import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import type { BudgetHolder } from './budget-holder.ts'

export interface OpenPoolsOptions {
  /** Pools with connections, at most; null for no limit. */
  readonly max: number | null
  /** How long a pool that nobody uses keeps connections; null for as long as they live. */
  readonly idleMs: number | null
  readonly clock: Clock
  readonly deadlines: Deadlines
}

/**
 * The pools that have connections. One that nobody uses loses them after `idleMs`, or as soon as another pool needs its
 * place; the one that has been unused for longest first. A pool in use keeps its place.
 */
export class OpenPools {
  readonly limit: number
  readonly #options: OpenPoolsOptions
  #size = 0
  /** Pools that nobody uses, and since when, in that order. */
  readonly #unused = new Map<BudgetHolder, number>()
  /** Pools whose connections are being closed for others. */
  readonly #emptying = new Set<BudgetHolder>()
  readonly #wanting = new Set<BudgetHolder>()
  #sweep: Deadline | undefined

  constructor(options: OpenPoolsOptions) {
    this.#options = options
    this.limit = options.max ?? Number.POSITIVE_INFINITY
  }

  /** As messages name it. */
  get description(): string {
    return `limits.maxOpenPools (${this.limit})`
  }

  get isFull(): boolean {
    return this.#size >= this.limit
  }

  /** Whether there is a place, or could be made. */
  get canServe(): boolean {
    return !this.isFull || this.#unused.size > 0
  }

  opened(share: BudgetHolder): void {
    this.#size++
    this.#wanting.delete(share)
  }

  emptied(share: BudgetHolder): void {
    this.#size--
    this.#unused.delete(share)
    this.#emptying.delete(share)
    for (const next of this.#wanting) {
      if (this.isFull) return
      this.#wanting.delete(next)
      next.offer()
    }
  }

  used(share: BudgetHolder): void {
    this.#unused.delete(share)
    // Somebody has come for it while it was being emptied: another one has to go.
    if (this.#emptying.delete(share)) this.#makeRoom()
  }

  rested(share: BudgetHolder): void {
    this.#unused.delete(share)
    this.#unused.set(share, this.#options.clock.now())
    this.#makeRoom()
    this.#planSweep()
  }

  want(share: BudgetHolder): void {
    this.#wanting.add(share)
    this.#makeRoom()
  }

  #makeRoom(): void {
    for (const share of this.#wanting) {
      if (this.#wanting.size <= this.#emptying.size) return
      if (!share.wantsMore) this.#wanting.delete(share)
    }
    for (const share of this.#unused.keys()) {
      if (this.#wanting.size <= this.#emptying.size) return
      this.#empty(share)
    }
  }

  #empty(share: BudgetHolder): void {
    this.#unused.delete(share)
    this.#emptying.add(share)
    share.yieldAll()
  }

  #planSweep(): void {
    const { idleMs, deadlines } = this.#options
    if (idleMs === null || this.#sweep !== undefined) return
    const [since] = this.#unused.values()
    if (since === undefined) return
    this.#sweep = { deadline: since + idleMs, expire: () => this.#sweepNow(idleMs) }
    deadlines.add(this.#sweep)
  }

  #sweepNow(idleMs: number): void {
    this.#sweep = undefined
    const now = this.#options.clock.now()
    for (const [share, since] of this.#unused) {
      if (now < since + idleMs) break
      this.#empty(share)
    }
    this.#planSweep()
  }
}
