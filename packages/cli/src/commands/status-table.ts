import type { ShardMigrations } from '@sherd/core'
import type { Connections } from '../server-facts.ts'
import type { Style } from '../style.ts'
import { type Cell, table } from '../table.ts'
import type { ShardStatus } from './shard-status.ts'

const HEADINGS = ['SHARD', 'STATE', 'LATENCY', 'SERVER', 'CONNECTIONS', 'MIGRATIONS', 'ERROR']
const NOTHING: Cell = { text: '–', format: 'dim' }
const EMPTY: Cell = { text: '' }

export function statusTable(shards: readonly ShardStatus[], style: Style): string {
  const hasMigrations = shards.some((shard) => shard.reachable && shard.migrations !== null)
  const none = hasMigrations ? NOTHING : EMPTY
  const rows = shards.map((status): readonly Cell[] => {
    const shard: Cell = { text: status.shard }
    if (!status.reachable) {
      const error: Cell = { text: status.error.message, format: 'red' }
      return [shard, { text: 'unreachable', format: 'red' }, NOTHING, NOTHING, NOTHING, none, error]
    }
    return [
      shard,
      { text: 'reachable', format: 'green' },
      { text: `${status.latencyMs.toFixed(1)} ms` },
      status.server === null ? NOTHING : { text: status.server },
      connectionsCell(status.connections),
      status.migrations === null ? none : migrationsCell(status.migrations),
      EMPTY,
    ]
  })
  return table(HEADINGS, rows, style)
}

/** A server's last tenth is for whoever has to mend it. */
const NEARLY_ALL = 0.9

function connectionsCell(connections: Connections | null): Cell {
  if (connections === null) return NOTHING
  const { used, allowed } = connections
  const text = `${used} of ${allowed}`
  return used / allowed < NEARLY_ALL ? { text } : { text, format: 'yellow' }
}

function migrationsCell(migrations: ShardMigrations): Cell {
  if (migrations.status === 'unknown') return { text: 'unknown', format: 'red' }
  const { pending, missing } = migrations
  const parts = [
    ...(pending.length === 0 ? [] : [`${pending.length} pending`]),
    ...(missing.length === 0 ? [] : [`${missing.length} without a file`]),
  ]
  return parts.length === 0
    ? { text: 'current', format: 'green' }
    : { text: parts.join(', '), format: 'yellow' }
}
