import type { ShardMigrations } from '@sherd/core'
import { type ShownError, shownError } from '../shown-error.ts'
import type { ServerFacts } from './server-facts.ts'

/** How a shard is. */
export type ShardStatus = ServerStatus & {
  /** Null where it has none. */
  readonly replicas: Replicas | null
}

/** How its primary is. */
export type ServerStatus =
  | (ServerFacts & {
      readonly shard: string
      readonly reachable: true
      /** Null where nobody says which it has. */
      readonly migrations: ShardMigrations | null
    })
  | { readonly shard: string; readonly reachable: false; readonly error: ShownError }

export interface Replicas {
  readonly total: number
  /** By name: `shard_0/replica-0`. */
  readonly unreachable: readonly string[]
}

export function statusDocument(shards: readonly ShardStatus[]): object {
  return { shards: shards.map(withShownError) }
}

function withShownError(status: ShardStatus): object {
  if (!status.reachable || status.migrations?.status !== 'unknown') return status
  const { migrations } = status
  return { ...status, migrations: { ...migrations, error: shownError(migrations.error) } }
}
