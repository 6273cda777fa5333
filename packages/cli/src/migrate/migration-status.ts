import type { MigrationStatus, MigrationStatusOptions, Sharding, ShardMigrations } from '@sherd/core'
import type { Answer } from '../answer.ts'
import { checkedInput } from '../checked-input.ts'
import { messageOf } from '../message-of.ts'
import type { Format, Style } from '../style.ts'
import { type Cell, table } from '../table.ts'
import { migrationDocument } from './migration-document.ts'

/** What has run on each shard, and what has not. Changes nothing. */
export async function migrationStatus(sharding: Sharding, options: MigrationStatusOptions): Promise<Answer> {
  const status = await checkedInput(sharding.migrate.status(options))
  return {
    exitCode: status.isCurrent ? 0 : 1,
    document: migrationDocument(status),
    text: (style) => statusTable(status, style),
  }
}

const HEADINGS = ['SHARD', 'STATE', 'COMPLETED', 'PENDING', 'BATCH', 'NOTE']

const FORMATS: Readonly<Record<ShardMigrations['status'], Format>> = {
  current: 'green',
  pending: 'yellow',
  unknown: 'red',
}

function statusTable({ shards }: MigrationStatus, style: Style): string {
  const rows = Object.entries(shards).map(([shard, found]): readonly Cell[] => [
    { text: shard },
    { text: found.status, format: FORMATS[found.status] },
    ...figures(found).map((text): Cell => ({ text })),
    { text: note(found) },
  ])
  return table(HEADINGS, rows, style)
}

function figures(found: ShardMigrations): string[] {
  if (found.status === 'unknown') return ['–', '–', '–']
  return [String(found.completed.length), String(found.pending.length), String(found.batch ?? '–')]
}

function note(found: ShardMigrations): string {
  if (found.status === 'unknown') return messageOf(found.error)
  const [next] = found.pending
  const notes = next === undefined ? [] : [`next: ${next}`]
  if (found.missing.length > 0) notes.push(`without a file: ${found.missing.join(', ')}`)
  return notes.join('; ')
}
