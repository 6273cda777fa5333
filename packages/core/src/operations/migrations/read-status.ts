import { serverOf } from '../../fan-out/server-of.ts'
import { SlidingWindow } from '../../fan-out/sliding-window.ts'
import type { MigrationTargets } from './migrate-options.ts'
import type { MigrationParts } from './migration-parts.ts'
import type { ShardMigrations } from './migration-status.ts'
import { type CompletedMigration, lastBatch, readCompleted } from './migration-table.ts'
import { onShard, type ShardVisit } from './on-shard.ts'
import { serverLimit } from './server-limit.ts'
import type { MigratedShard } from './shard-settings.ts'

export const CONCURRENCY = 5

export type ShardState =
  | { readonly kind: 'read'; readonly completed: readonly CompletedMigration[] }
  | { readonly kind: 'failed'; readonly error: unknown }

/** What has run on each of the shards, as they say themselves. Never rejects, and changes nothing. */
export async function readStates(
  parts: MigrationParts,
  shards: readonly MigratedShard[],
  options: MigrationTargets,
): Promise<ReadonlyMap<MigratedShard, ShardState>> {
  const { concurrency = CONCURRENCY, checkoutTimeoutMs } = options
  const states = new Map<MigratedShard, ShardState>()
  await new Promise<void>((resolve) => {
    new SlidingWindow(shards, {
      limit: concurrency,
      limitPerGroup: serverLimit(parts, options),
      groupOf: ({ shard }) => serverOf(shard.primary),
      start: async (migrated) => {
        states.set(migrated, await readState(parts, migrated, { checkoutTimeoutMs }))
        if (states.size === shards.length) resolve()
      },
    }).fill()
  })
  return states
}

/** Of one shard. Never rejects. */
export async function readState(
  parts: MigrationParts,
  { shard: { name }, settings }: MigratedShard,
  terms: Pick<ShardVisit, 'checkoutTimeoutMs' | 'signal'>,
): Promise<ShardState> {
  const visit = { ...terms, shard: name, preventWrites: true, isLong: false }
  try {
    return { kind: 'read', completed: await onShard(parts, visit, (knex) => readCompleted(knex, settings)) }
  } catch (error) {
    return { kind: 'failed', error }
  }
}

/** The same against the migrations that there are. */
export function statusOf({ all }: MigratedShard, state: ShardState): ShardMigrations {
  if (state.kind === 'failed') return Object.freeze({ status: 'unknown', error: state.error })
  const { completed } = state
  const names = new Set(completed.map(({ name }) => name))
  const known = new Set(all)
  const pending = all.filter((name) => !names.has(name))
  return Object.freeze({
    status: pending.length === 0 ? 'current' : 'pending',
    completed: Object.freeze([...names]),
    pending: Object.freeze(pending),
    missing: Object.freeze([...names].filter((name) => !known.has(name))),
    batch: lastBatch(completed),
  })
}
