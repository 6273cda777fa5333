import type { PlannedRequest } from '../plan/planned-request.ts'
import type { Check } from './check.ts'
import { checkAnswers } from './check-answers.ts'
import { checkHeaps } from './check-heaps.ts'
import { checkOwnership } from './check-ownership.ts'
import { checkReads } from './check-reads.ts'
import { checkRest } from './check-rest.ts'
import { checkWrites } from './check-writes.ts'
import { Findings } from './findings.ts'
import type { HistoryRecord } from './history-record.ts'

const CHECKS = [checkReads, checkWrites, checkOwnership, checkAnswers, checkRest, checkHeaps]

/** Judges a history by what was planned. It is read once, whatever its length. */
export class HistoryCheck implements Check {
  readonly findings = new Findings()
  /** Records looked at, by what they are. */
  readonly counts: Partial<Record<HistoryRecord['t'], number>> = {}
  readonly #checks: readonly Check[]

  constructor(planOf: (id: number) => PlannedRequest) {
    this.#checks = CHECKS.map((check) => check({ findings: this.findings, planOf }))
  }

  add(record: HistoryRecord): void {
    this.counts[record.t] = (this.counts[record.t] ?? 0) + 1
    for (const check of this.#checks) check.add(record)
  }

  finish(): void {
    for (const check of this.#checks) check.finish?.()
  }
}

export function checkHistory(
  records: Iterable<HistoryRecord>,
  planOf: (id: number) => PlannedRequest,
): Findings {
  const check = new HistoryCheck(planOf)
  for (const record of records) check.add(record)
  check.finish()
  return check.findings
}
