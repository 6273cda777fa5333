/** What must not be found in a history. The texts are the rows of the report. */
export const RULES = {
  foreignRows: "reads of another tenant's rows",
  foreignSettings: "reads of another tenant's setting or temporary table, or without the own",
  stateLeftBehind: 'sessions handed on with what the one before had changed',
  sharedConnections: 'connections used by two owners at once',
  dirtyHandovers: 'connections handed on without a reset',
  foreignWrites: "rows written for another tenant, or to another's shard",
  lostWrites: 'acknowledged writes lost',
  doubledWrites: 'writes done twice',
  tornTransactions: 'transactions there by half, or there although rolled back',
  foreignAnswers: 'answers that belong to another request',
  unanswered: 'requests never answered',
  failuresWithoutFault: 'failures without a fault of the shard in the last 2 s',
  leakedLeases: 'leases or waiters left at the end',
  sessionsAboveMax: 'sessions above the sum of the pools, or left after close',
  stuckProcesses: 'processes that did not end by themselves',
  incidents: 'uncaught exceptions, unhandled rejections, warnings',
  growingHeaps: 'heaps that grew',
} as const

export type Rule = keyof typeof RULES

export interface Finding {
  readonly count: number
  /** The first few. */
  readonly examples: readonly string[]
}

const EXAMPLES = 10

/** Counts violations and keeps examples of each. */
export class Findings {
  readonly #found = new Map<Rule, { count: number; readonly examples: string[] }>()

  add(rule: Rule, example: string, count = 1): void {
    let finding = this.#found.get(rule)
    if (finding === undefined) {
      finding = { count: 0, examples: [] }
      this.#found.set(rule, finding)
    }
    finding.count += count
    if (finding.examples.length < EXAMPLES) finding.examples.push(example)
  }

  /** Of all rules, in their order. */
  get all(): Record<Rule, Finding> {
    const none: Finding = { count: 0, examples: [] }
    return Object.fromEntries(
      (Object.keys(RULES) as Rule[]).map((rule) => [rule, this.#found.get(rule) ?? none]),
    ) as Record<Rule, Finding>
  }

  get total(): number {
    return [...this.#found.values()].reduce((sum, { count }) => sum + count, 0)
  }
}
