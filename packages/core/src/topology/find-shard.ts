import { SHARED } from '../config/shard-name.ts'
import { ShardUnknownError } from '../errors.ts'
import { closest } from '../util/closest.ts'
import type { Shard, Topology } from './topology.ts'

/** The shard of that name. Throws ShardUnknownError. */
export function findShard(topology: Topology, name: string): Shard {
  const shard = topology.shards.get(name)
  if (shard !== undefined) return shard
  throw new ShardUnknownError(`No shard is named ${JSON.stringify(name)}. ${hint(name, topology)}`)
}

function hint(name: string, { shards }: Topology): string {
  if (name === SHARED)
    return 'It is the database without tenants: write `shared:` in the configuration, with its `connection`.'
  const near = closest(name, [...shards.keys()])
  return near === undefined ? 'sharding.shardNames lists the shards.' : `Did you mean "${near}"?`
}
