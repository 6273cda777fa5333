import { namesOfLastBatch } from './migration-table.ts'
import type { ShardState } from './read-status.ts'
import type { MigratedShard } from './shard-settings.ts'

/**
 * The migrations that a rollback undoes on all shards. Batches are numbered by each shard for itself: that of a shard that
 * was added last week holds everything there is, and that of one which the last run has not reached holds an older
 * release. So it is what the last batches have in common of those shards that have the newest migration.
 */
export function chooseRollback(states: ReadonlyMap<MigratedShard, ShardState>): ReadonlySet<string> {
  const batches = [...states].flatMap(([{ all }, state]) => {
    if (state.kind === 'failed' || state.completed.length === 0) return []
    const names = namesOfLastBatch(state.completed)
    return [{ names, newest: Math.max(...names.map((name) => all.indexOf(name))) }]
  })
  const newest = Math.max(...batches.map((batch) => batch.newest))
  const [first, ...others] = batches.filter((batch) => batch.newest === newest)
  return new Set(first?.names.filter((name) => others.every(({ names }) => names.includes(name))))
}

/** Everything there is, and everything that has run. */
export function chooseAll(states: ReadonlyMap<MigratedShard, ShardState>): ReadonlySet<string> {
  return new Set(
    [...states].flatMap(([{ all }, state]) => {
      return state.kind === 'failed' ? all : [...all, ...state.completed.map(({ name }) => name)]
    }),
  )
}
