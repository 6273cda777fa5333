import type { MigrationReport, MigrationStatus } from '@sherd/core'
import { shownError } from '../shown-error.ts'

/** A report or status as a document, which has errors as what they say. */
export function migrationDocument<T extends MigrationReport | MigrationStatus>(report: T): object {
  const shards = Object.entries(report.shards).map(([shard, outcome]) => [
    shard,
    'error' in outcome ? { ...outcome, error: shownError(outcome.error) } : outcome,
  ])
  return { ...report, shards: Object.fromEntries(shards) }
}
