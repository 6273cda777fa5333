import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import { BUDGET_MESSAGE, type GrantMessage, type MemberMessage } from './budget-messages.ts'
import { DividedBudget } from './divided-budget.ts'

export interface BudgetCoordinatorOptions {
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** How long the server may take to notice that a process has died, in milliseconds. */
  readonly graceMs: number
  /** There are more workers than connections: some have none. Once, until there are enough again. */
  readonly onShortage: (shortage: BudgetShortage) => void
}

export interface BudgetShortage {
  readonly budget: string
  readonly maxConnections: number
  readonly workers: number
}

/** How a budget is divided at this moment. */
export interface CoordinatedBudget {
  /** What all workers may have together: the least that one of them has in its configuration. */
  readonly maxConnections: number
  readonly workers: number
  /** What workers have been given, or have not yet given back, and what was left behind by those that died. */
  readonly committed: number
  /** The latter alone: nobody gets it before the grace time is over. */
  readonly left: number
}

/** The way to one process. */
export interface MemberConnection {
  receive(message: MemberMessage): void
  /** The process is no more. What still comes from it is ignored. */
  lost(): void
}

/** How long a message may take before it is sent once more, in milliseconds. */
const REPEAT_MS = 1000

/**
 * Divides the budgets of servers among processes. It knows processes by what they say and by their deaths; transport and
 * clock are given.
 */
export class BudgetCoordinator {
  readonly #options: BudgetCoordinatorOptions
  readonly #budgets = new Map<string, DividedBudget>()
  /** How each member is told something. */
  readonly #members = new Map<string, (message: GrantMessage) => void>()
  readonly #short = new Set<string>()
  #repetition: Deadline | undefined

  constructor(options: BudgetCoordinatorOptions) {
    this.#options = options
  }

  /** By name; those that nobody has any more are left out. */
  stats(): Readonly<Record<string, CoordinatedBudget>> {
    const inUse = [...this.#budgets].filter(([, { workers }]) => workers > 0)
    return Object.fromEntries(
      inUse.map(([name, { total, workers, committed, left }]) => [
        name,
        { maxConnections: total, workers, committed, left },
      ]),
    )
  }

  /** A process that may have members. `send` may lose messages; it delivers none before it returns. */
  connect(send: (message: GrantMessage) => void): MemberConnection {
    const own = new Set<string>()
    const gone = new Set<string>()
    let isLost = false
    return {
      receive: (message) => {
        const { member } = message
        if (isLost || gone.has(member)) return
        if (message.kind === 'join') {
          own.add(member)
          this.#join(member, message.totals, send)
        } else if (message.kind === 'held') {
          this.#budgets.get(message.budget)?.confirm(member, message.round, message.held)
        } else {
          gone.add(member)
          own.delete(member)
          this.#leave(member)
        }
        this.#planRepetition()
      },
      lost: () => {
        if (isLost) return
        isLost = true
        for (const member of own) this.#die(member)
        this.#planRepetition()
      },
    }
  }

  #join(member: string, totals: Readonly<Record<string, number>>, send: (message: GrantMessage) => void) {
    this.#members.set(member, send)
    for (const [name, total] of Object.entries(totals)) this.#budget(name).join(member, total)
    this.#noteShortages()
  }

  #leave(member: string): void {
    this.#members.delete(member)
    for (const budget of this.#budgets.values()) budget.leave(member)
    this.#noteShortages()
  }

  #die(member: string): void {
    const { clock, deadlines, graceMs } = this.#options
    this.#members.delete(member)
    for (const budget of this.#budgets.values()) budget.die(member)
    this.#noteShortages()
    deadlines.add({
      deadline: clock.now() + graceMs,
      expire: () => {
        for (const budget of this.#budgets.values()) budget.bury(member)
        this.#planRepetition()
      },
    })
  }

  #budget(name: string): DividedBudget {
    let budget = this.#budgets.get(name)
    if (budget === undefined) {
      budget = new DividedBudget({
        tell: ({ member, ...grant }) => {
          this.#members.get(member)?.({ type: BUDGET_MESSAGE, kind: 'grant', member, budget: name, ...grant })
        },
      })
      this.#budgets.set(name, budget)
    }
    return budget
  }

  #noteShortages(): void {
    for (const [name, { total, workers }] of this.#budgets) {
      if (workers === 0 || workers <= total) this.#short.delete(name)
      else if (!this.#short.has(name)) {
        this.#short.add(name)
        this.#options.onShortage({ budget: name, maxConnections: total, workers })
      }
    }
  }

  #planRepetition(): void {
    const isSettled = [...this.#budgets.values()].every((budget) => budget.isSettled)
    if (isSettled || this.#repetition !== undefined) return
    const { clock, deadlines } = this.#options
    this.#repetition = {
      deadline: clock.now() + REPEAT_MS,
      expire: () => {
        this.#repetition = undefined
        for (const budget of this.#budgets.values()) budget.repeat()
        this.#planRepetition()
      },
    }
    deadlines.add(this.#repetition)
  }
}
