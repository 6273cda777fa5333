/** What those who share a budget out know of one who has a part in it. */
export interface BudgetHolder {
  /** Connections that it has. */
  readonly taken: number
  /** Those of them that are not being closed. */
  readonly staying: number
  /** Whether somebody waits for another one. */
  readonly wantsMore: boolean
  /** Since when it has been its turn next; only while it wants more. */
  readonly wantingSince: number
  /** There may be room for it. */
  offer(): void
  /** Closes the connection that has been idle for longest. False when none is. */
  yieldOne(): boolean
  /** Closes all that are idle. */
  yieldAll(): void
}
