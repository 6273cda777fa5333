import type { PlannedRequest } from '../plan/planned-request.ts'
import type { Findings } from './findings.ts'
import type { HistoryRecord } from './history-record.ts'

/** Looks at every record of a history, for violations of some rules. */
export interface Check {
  add(record: HistoryRecord): void
  /** All records have been added. */
  finish?(): void
}

export interface CheckOptions {
  readonly findings: Findings
  readonly planOf: (id: number) => PlannedRequest
}
