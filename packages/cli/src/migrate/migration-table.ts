import type { MigrationOutcome, MigrationReport } from '@sherd/core'
import { duration } from '../duration.ts'
import { messageOf } from '../message-of.ts'
import type { Format, Style } from '../style.ts'
import { type Cell, table } from '../table.ts'

type Status = MigrationOutcome['status']

const HEADINGS = ['SHARD', 'RESULT', 'MIGRATIONS', 'BATCH', 'TIME', 'ERROR']

const FORMATS: Readonly<Record<Status, Format>> = {
  migrated: 'green',
  unchanged: 'dim',
  failed: 'red',
  skipped: 'yellow',
}

/** What became of each shard, and of all of them. */
export function migrationTable({ shards, counts }: MigrationReport, style: Style): string {
  const rows = Object.entries(shards).map(([shard, outcome]): readonly Cell[] => [
    { text: shard },
    { text: outcome.status, format: FORMATS[outcome.status] },
    { text: String(outcome.migrations.length) },
    { text: String(outcome.batch ?? '–') },
    { text: duration(outcome.durationMs) },
    { text: whyNot(outcome), format: FORMATS[outcome.status] },
  ])
  const summary = (Object.keys(FORMATS) as Status[])
    .filter((status) => counts[status] > 0)
    .map((status) => `${counts[status]} ${status}`)
    .join(', ')
  return `${table(HEADINGS, rows, style)}\n\n${summary}`
}

const WHY_SKIPPED = {
  stopped: 'another shard has failed',
  canary: 'the canary has failed',
  aborted: 'interrupted',
} as const

function whyNot(outcome: MigrationOutcome): string {
  if (outcome.status === 'skipped') return WHY_SKIPPED[outcome.reason]
  if (outcome.status !== 'failed') return ''
  const { migration, error } = outcome
  return migration === undefined ? messageOf(error) : `${migration}: ${messageOf(error)}`
}
