import type { MigrationOutcome, MigrationProgress } from '@sherd/core'
import { duration } from '../duration.ts'
import { messageOf } from '../message-of.ts'
import type { Style } from '../style.ts'

/** What is told while it runs; undefined for what is not worth a line. */
export function progressLine(progress: MigrationProgress, style: Style): string | undefined {
  const { shard, doneCount, totalCount } = progress
  switch (progress.type) {
    case 'lock-waiting':
      return `${shard}: waiting for another run that is at work on it`
    case 'migration-started':
      return style('dim', `${shard}: ${progress.migration}`)
    case 'shard-done':
      return `[${doneCount}/${totalCount}] ${shard}: ${wordsFor(progress.outcome, style)}`
    default:
      return undefined
  }
}

function wordsFor(outcome: MigrationOutcome, style: Style): string {
  const time = duration(outcome.durationMs)
  switch (outcome.status) {
    case 'migrated':
      return `${style('green', countOf(outcome.migrations))}, ${time}`
    case 'unchanged':
      return `nothing to do, ${time}`
    case 'failed':
      return style('red', `failed, ${time}: ${messageOf(outcome.error)}`)
    case 'skipped':
      return style('yellow', 'skipped')
  }
}

function countOf({ length }: readonly string[]): string {
  return length === 1 ? '1 migration' : `${length} migrations`
}
