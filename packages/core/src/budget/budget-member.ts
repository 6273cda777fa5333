import type { BudgetDivision, DivisibleBudget } from '../pool/budget-division.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import { BUDGET_MESSAGE, type GrantMessage } from './budget-messages.ts'
import type { CoordinatorLink } from './coordinator-link.ts'

/** A process's part of a budget has become another one. */
export interface BudgetChange {
  readonly budget: string
  readonly maxConnections: number
  readonly from: number
  readonly to: number
  readonly workers: number
}

export interface BudgetMemberOptions {
  /** No other member of any process has the same. */
  readonly id: string
  readonly budgets: readonly DivisibleBudget[]
  readonly link: CoordinatorLink
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly onChanged: (change: BudgetChange) => void
  /** Nobody has said anything for {@link SILENCE_MS}. */
  readonly onSilence: () => void
}

/** How long a message may take before it is sent once more, in milliseconds. */
const REPEAT_MS = 1000

export const SILENCE_MS = 5000

interface Part {
  readonly budget: DivisibleBudget
  /** Of the last grant; 0 before the first. */
  round: number
  workers: number
  /** What the coordinator was told last that this process has. */
  told: number
}

/**
 * A process's side of the division: has what it was granted last, nothing before it was granted something, and says what
 * it has. Where the coordinator falls silent it keeps what it has and never takes more.
 */
export class BudgetMember implements BudgetDivision {
  readonly #options: BudgetMemberOptions
  readonly #parts: ReadonlyMap<string, Part>
  readonly #silentAt: number
  #isOver = false
  #isSilent = false
  #repetition: Deadline | undefined
  #ready: PromiseWithResolvers | undefined
  readonly #unlisten: () => void

  constructor(options: BudgetMemberOptions) {
    this.#options = options
    const { budgets, clock, link } = options
    this.#parts = new Map(budgets.map((budget) => [budget.name, { budget, round: 0, workers: 0, told: 0 }]))
    this.#silentAt = clock.now() + SILENCE_MS
    this.#unlisten = link.listen((message) => this.receive(message))
    this.#join()
  }

  workersOf(budget: string): number {
    return this.#parts.get(budget)?.workers ?? 0
  }

  receive({ member, budget: name, round, granted, workers }: GrantMessage): void {
    const part = this.#parts.get(name)
    if (this.#isOver || member !== this.#options.id || part === undefined || round < part.round) return
    const { budget } = part
    const from = budget.limit
    const isNew = round > part.round
    part.round = round
    part.workers = workers
    if (isNew) budget.resize(granted)
    this.#tell(part)
    if (isNew && granted !== from) {
      this.#options.onChanged({
        budget: name,
        maxConnections: budget.total,
        from,
        to: granted,
        workers,
      })
    }
    if (this.#isReady) this.#ready?.resolve()
  }

  returned(name: string): void {
    const part = this.#parts.get(name)
    // Below its share nobody waits for what it does not use.
    if (part === undefined || part.told <= part.budget.limit) return
    this.#tell(part)
  }

  ready(): Promise<void> {
    if (this.#isReady) return Promise.resolve()
    this.#ready ??= withResolvers()
    return this.#ready.promise
  }

  leave(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#repetition !== undefined) this.#options.deadlines.delete(this.#repetition)
    this.#unlisten()
    this.#options.link.send({ type: BUDGET_MESSAGE, kind: 'left', member: this.#options.id })
  }

  get #isReady(): boolean {
    return [...this.#parts.values()].every(({ budget }) => budget.limit > 0)
  }

  #tell(part: Part): void {
    if (this.#isOver) return
    const { budget, round } = part
    part.told = budget.taken
    this.#options.link.send({
      type: BUDGET_MESSAGE,
      kind: 'held',
      member: this.#options.id,
      budget: budget.name,
      round,
      held: budget.taken,
    })
  }

  /** Again and again, until each budget was granted: the way may not be open yet. */
  #join(): void {
    const { id, link, clock, deadlines, onSilence } = this.#options
    const parts = [...this.#parts.values()]
    if (parts.every(({ round }) => round > 0)) return
    if (clock.now() >= this.#silentAt && !this.#isSilent) {
      this.#isSilent = true
      onSilence()
    }
    const totals = Object.fromEntries(parts.map(({ budget }) => [budget.name, budget.total]))
    link.send({ type: BUDGET_MESSAGE, kind: 'join', member: id, totals })
    this.#repetition = { deadline: clock.now() + REPEAT_MS, expire: () => this.#join() }
    deadlines.add(this.#repetition)
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

function withResolvers(): PromiseWithResolvers {
  let resolve!: () => void
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
