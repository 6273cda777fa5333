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

/** As many as are read in one line. */
const NAMED = 10

function hint(name: string, { shards }: Topology): string {
  if (name === SHARED)
    return 'It is the database without tenants: write `shared:` in the configuration, with its `connection`.'
  const names = [...shards.keys()]
  const near = closest(name, names)
  if (near !== undefined) return `Did you mean "${near}"?`
  return names.length > NAMED ? 'sharding.shardNames lists the shards.' : `There are: ${names.join(', ')}.`
}
