import type { BudgetHolder } from './budget-holder.ts'

export interface ConnectionBudgetOptions {
  /** What those who divide it among processes know it by: the server's address. */
  readonly name: string
  /** As messages name it: `limits.maxConnections`. */
  readonly setting: string
  /** What all who share it may have together, in this process and in others. */
  readonly total: number
  /** What this process may have of it to begin with. @default all */
  readonly limit?: number
  /** A connection is gone. @default nobody is told */
  readonly onReturned?: () => void
}

/**
 * Connections that several pools have between them, such as those to one server.
 *
 * - Never more than `limit` are open, being opened or being closed. Where that shrinks, idle ones are closed until so many
 *   are left, then whatever is given back; meanwhile none is opened.
 * - A pool that needs one when there is no room waits for its turn. Idle connections of others are closed for it, the one
 *   whose pool has had no use for it for longest first. One in use never is.
 * - Where all are in use all the time each pool gets an equal part: what becomes free in a pool that has more goes to one
 *   that has less. Where there are more pools than connections, those who have waited for longest get them.
 */
export class ConnectionBudget {
  readonly name: string
  readonly total: number
  readonly #setting: string
  readonly #onReturned: () => void
  #limit: number
  #taken = 0
  #closing = 0
  /** Pools that have connections. */
  readonly #holders = new Set<BudgetHolder>()
  /** Pools that want one and get none, in the order of their turns. */
  readonly #wanting = new Set<BudgetHolder>()
  /** Pools with idle connections, in the order in which they had one come to rest last. */
  readonly #resting = new Set<BudgetHolder>()

  constructor({ name, setting, total, limit = total, onReturned = () => {} }: ConnectionBudgetOptions) {
    this.name = name
    this.total = total
    this.#setting = setting
    this.#limit = limit
    this.#onReturned = onReturned
  }

  /** Connections at once. */
  get limit(): number {
    return this.#limit
  }

  /** Connections that are open, being opened or being closed: more than `limit` for a while after that has shrunk. */
  get taken(): number {
    return this.#taken
  }

  /** As messages name it: `limits.maxConnections (20)`. */
  get description(): string {
    const { limit, total } = this
    const share = limit === total ? `${total}` : `of ${total}, this process may have ${limit}`
    return `${this.#setting} (${share})`
  }

  get isFull(): boolean {
    return this.#taken >= this.#limit
  }

  /** How many there may be from now on. What is lent stays so, however few these are. */
  resize(limit: number): void {
    this.#limit = limit
    this.#makeRoom()
    this.#offerRoom()
  }

  /** Whether there is room, or could be made. */
  canServe(share: BudgetHolder): boolean {
    return !this.isFull || this.#resting.size > (this.#resting.has(share) ? 1 : 0)
  }

  take(share: BudgetHolder): void {
    this.#taken++
    this.#holders.add(share)
    this.#wanting.delete(share)
  }

  giveBack(share: BudgetHolder): void {
    this.#taken--
    if (share.taken === 0) {
      this.#holders.delete(share)
      this.#resting.delete(share)
    }
    this.#onReturned()
    this.#offerRoom()
  }

  closing(): void {
    this.#closing++
  }

  gone(): void {
    this.#closing--
  }

  want(share: BudgetHolder): void {
    this.#wanting.add(share)
    this.#makeRoom()
  }

  rested(share: BudgetHolder): void {
    this.#resting.delete(share)
    this.#resting.add(share)
    this.#makeRoom()
  }

  /** Whether what has become free in a pool whose first caller has waited since `since` is for another pool. */
  isClaimed(share: BudgetHolder, since: number): boolean {
    const part = this.#part
    let claims = 0
    for (const other of this.#wanting) {
      if (other === share || !other.wantsMore) continue
      const hasLess = other.taken < part && share.staying > part
      const hasWaitedLonger = other.taken === 0 && other.wantingSince < since
      if (hasLess || hasWaitedLonger) claims++
    }
    // What is being closed goes to some of them.
    return claims > this.#room
  }

  /** What each pool may count on, of those that have connections or want one. */
  get #part(): number {
    const without = [...this.#wanting].filter(({ taken }) => taken === 0)
    return Math.max(1, Math.floor(this.#limit / (this.#holders.size + without.length)))
  }

  /** What there is room for once all is gone that is being closed. */
  get #room(): number {
    return this.#limit - (this.#taken - this.#closing)
  }

  /** Whether connections are being closed for all who want one. */
  get #isProvided(): boolean {
    return this.#wanting.size <= this.#room
  }

  /** To those first who have less than their part: whoever has more would have to give it back at once. */
  #offerRoom(): void {
    if (this.isFull || this.#wanting.size === 0) return
    const part = this.#part
    const isBehind = ({ taken }: BudgetHolder) => taken < part
    for (const next of this.#wanting) if (isBehind(next)) this.#offer(next)
    for (const next of this.#wanting) this.#offer(next)
  }

  #offer(next: BudgetHolder): void {
    if (this.isFull) return
    this.#wanting.delete(next)
    next.offer()
  }

  #makeRoom(): void {
    for (const share of this.#wanting) {
      if (this.#isProvided) return
      if (!share.wantsMore) this.#wanting.delete(share)
    }
    for (const share of this.#resting) {
      if (this.#isProvided) return
      if (!share.yieldOne()) this.#resting.delete(share)
    }
  }
}
