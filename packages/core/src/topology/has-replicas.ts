import type { Topology } from './topology.ts'

const known = new WeakMap<Topology, boolean>()

/** Whether any shard has any: then what has been written matters to those who read. */
export function hasReplicas(topology: Topology): boolean {
  let has = known.get(topology)
  if (has === undefined) {
    has = [...topology.shards.values()].some(({ replicas }) => replicas.length > 0)
    known.set(topology, has)
  }
  return has
}
