import { namesOfLastBatch } from './migration-table.ts'
import type { ShardState } from './read-status.ts'
import type { MigratedShard } from './shard-settings.ts'

/**
 * The migrations that a rollback undoes on all shards. Batches are numbered by each shard for itself: that of a shard that
 * was added last week holds everything there is, and that of one which the last run has not reached holds an older
 * release. So it is what the last batches have in common of those shards that have the newest migration. One of a newer
 * version of the application, whose file is not there, is newer than all that are: what it stands on stays.
 */
export function chooseRollback(states: ReadonlyMap<MigratedShard, ShardState>): ReadonlySet<string> {
  const lastBatches = [...states].flatMap(([{ all }, state]) =>
    state.kind === 'failed' || state.completed.length === 0
      ? []
      : [{ all, names: namesOfLastBatch(state.completed) }],
  )
  const ahead = new Set(
    lastBatches.flatMap(({ all, names }) => names.filter((name) => isAhead(name, all))).sort(),
  )
  const rankOf = (name: string, all: readonly string[]) =>
    ahead.has(name) ? all.length + [...ahead].indexOf(name) : all.indexOf(name)
  const batches = lastBatches.map(({ all, names }) => {
    return { names, newest: Math.max(...names.map((name) => rankOf(name, all))) }
  })
  const newest = Math.max(...batches.map((batch) => batch.newest))
  const [first, ...others] = batches.filter((batch) => batch.newest === newest)
  return new Set(first?.names.filter((name) => others.every(({ names }) => names.includes(name))))
}

/** Names begin with their time, as knex makes them: one behind all others is no old one whose file has been deleted. */
function isAhead(name: string, all: readonly string[]): boolean {
  return !all.includes(name) && all.every((known) => known < name)
}

/** Everything there is, and everything that has run. */
export function chooseAll(states: ReadonlyMap<MigratedShard, ShardState>): ReadonlySet<string> {
  return new Set(
    [...states].flatMap(([{ all }, state]) => {
      return state.kind === 'failed' ? all : [...all, ...state.completed.map(({ name }) => name)]
    }),
  )
}
