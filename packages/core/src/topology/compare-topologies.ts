import type { Shard, Topology } from './topology.ts'

/** Names of shards, in the order of their configuration. */
export interface TopologyChange {
  readonly added: readonly string[]
  /** Those of which a server is another one, or is connected to in another way. */
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

/** What `after` makes of `before`, from which it was made: endpoints that are the same are the same objects. */
export function compareTopologies(before: Topology, after: Topology): TopologyChange {
  const names = [...after.shards.keys()]
  return Object.freeze({
    added: Object.freeze(names.filter((name) => !before.shards.has(name))),
    changed: Object.freeze(
      names.filter((name) => hasChanged(before.shards.get(name), after.shards.get(name))),
    ),
    removed: Object.freeze([...before.shards.keys()].filter((name) => !after.shards.has(name))),
  })
}

function hasChanged(before: Shard | undefined, after: Shard | undefined): boolean {
  if (before === undefined || after === undefined) return false
  if (before.primary !== after.primary || before.replicas.length !== after.replicas.length) return true
  return before.replicas.some((replica, index) => replica !== after.replicas[index])
}
