import type { ShardMigrations } from '@sherd/core'
import type { Style } from '../style.ts'
import { type Cell, table } from '../table.ts'
import type { Connections } from './server-facts.ts'
import type { Replicas, ShardStatus } from './shard-status.ts'

const HEADINGS = [
  'SHARD',
  'STATE',
  'LATENCY',
  'SERVER',
  'CONNECTIONS',
  'REPLICAS',
  'MIGRATIONS',
  'ERROR',
] as const
const NOTHING: Cell = { text: '–', format: 'dim' }
const EMPTY: Cell = { text: '' }

/** Columns of what no shard has are left out. */
export function statusTable(shards: readonly ShardStatus[], style: Style): string {
  const hasReplicas = shards.some(({ replicas }) => replicas !== null)
  const hasMigrations = shards.some((shard) => shard.reachable && shard.migrations !== null)
  const rows = shards.map((shard): readonly Cell[] => {
    const replicas = hasReplicas ? replicasCell(shard.replicas) : EMPTY
    if (!shard.reachable) {
      return [
        { text: shard.shard },
        { text: 'unreachable', format: 'red' },
        NOTHING,
        NOTHING,
        NOTHING,
        replicas,
        hasMigrations ? NOTHING : EMPTY,
        { text: shard.error.message, format: 'red' },
      ]
    }
    return [
      { text: shard.shard },
      { text: 'reachable', format: 'green' },
      { text: `${shard.latencyMs.toFixed(1)} ms` },
      shard.server === null ? NOTHING : { text: shard.server },
      connectionsCell(shard.connections),
      replicas,
      hasMigrations ? migrationsCell(shard.migrations) : EMPTY,
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

function replicasCell(replicas: Replicas | null): Cell {
  if (replicas === null) return NOTHING
  const { total, unreachable } = replicas
  if (unreachable.length === 0) return { text: `${total} reachable` }
  return { text: `${unreachable.length} of ${total} unreachable`, format: 'red' }
}

function migrationsCell(migrations: ShardMigrations | null): Cell {
  if (migrations === null) return NOTHING
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
