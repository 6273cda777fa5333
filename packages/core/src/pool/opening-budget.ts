/** What a pool has to say to those with whom it shares a budget. */
export interface BudgetedPool {
  /** Whether somebody waits for a connection that the pool could open. */
  readonly wantsMore: boolean
  /** There may be room for another connection. */
  onRoom(): void
  /** Closes the connection that has been idle for longest. False when none is. */
  yieldOne(): boolean
  /** Closes all that are idle, and opens none before somebody asks. */
  yieldAll(): void
}

/**
 * How many connections a pool may open beside other pools. Each that is open, being opened or being closed is taken
 * from it once and given back once.
 */
export interface OpeningBudget {
  /**
   * Takes room for one more. False when there is none; where the pool has callers for it (`isUrgent`) idle connections of
   * others are closed for it then, and `onRoom` is called when it is its turn.
   */
  take(isUrgent: boolean): boolean
  /** One was opened although nobody wanted it any more: it is counted until it is gone. */
  adopt(): void
  /** What was taken has led to nothing, or nothing of the connection is left. */
  giveBack(): void
  /** A connection is being closed. */
  closing(): void
  /** A connection that was being closed is gone. */
  gone(): void
  /** A connection was lent. */
  lent(): void
  /** Connections are idle; `isUnused`: and nobody has one, waits for one or opens one. */
  rested(isUnused: boolean): void
  /** Whether a connection that has become free is for another pool, although somebody has waited for it since `since`. */
  mustYield(since: number): boolean
  /** Whether there is room for one more, or could be made. */
  readonly canTake: boolean
  /** Whether there is room for one more, without closing what others have. */
  readonly hasRoom: boolean
  /** The setting that the pool waits for, if it does. */
  readonly blockedBy: string | undefined
}

/** Nothing is shared with anybody. */
export const UNLIMITED: OpeningBudget = Object.freeze({
  take: () => true,
  adopt() {},
  giveBack() {},
  closing() {},
  gone() {},
  lent() {},
  rested() {},
  mustYield: () => false,
  canTake: true,
  hasRoom: true,
  blockedBy: undefined,
})
