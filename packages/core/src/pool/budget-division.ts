/** A budget that may be divided among processes, each of which has pools of its own. */
export interface DivisibleBudget {
  /** The server: `db-1.internal:5432`. */
  readonly name: string
  /** Connections that all processes may have together. */
  readonly total: number
  /** What this process may have now; 0 before it has been given a share. */
  readonly limit: number
  /** What it has: for a while more than `limit`, after that has shrunk. */
  readonly taken: number
  /** Gives this process another share. */
  resize(limit: number): void
}

/** Decides how much of each budget this process may have. */
export interface BudgetDivision {
  /** Among how many a budget is divided, this one included; 0 as long as that is not known. */
  workersOf(budget: string): number
  /** A connection of a budget is gone. */
  returned(budget: string): void
  /** Settles when this process may have a connection at least of each budget. */
  ready(): Promise<void>
  /** Gives the shares back: for when nothing of them is in use any more, nor will be. */
  leave(): void
}

/** Begins to divide budgets. Called once, with all of them; they start with a limit of 0. */
export type DivideBudgets = (budgets: readonly DivisibleBudget[]) => BudgetDivision

/** One process with all of it, or one of as many as its configuration says, which all take the same part. */
export function divideByHand(workers: number): DivideBudgets {
  return (budgets) => {
    for (const budget of budgets) budget.resize(Math.floor(budget.total / workers))
    return { workersOf: () => workers, returned() {}, ready: async () => {}, leave() {} }
  }
}
