import { findShard } from '../topology/find-shard.ts'
import type { Endpoint } from '../topology/topology.ts'
import { eachLimited } from '../util/each-limited.ts'
import { normalizeTenantId } from '../util/tenant-id.ts'
import type { FanOutTargets } from './fan-out-options.ts'
import type { FanOutParts } from './fan-out-parts.ts'
import { serverOf } from './server-of.ts'

/** One of the shards that are asked. */
export interface FanOutPlace {
  readonly shard: string
  readonly tenants: readonly string[] | undefined
}

/** How many tenants are looked up at a time, where that takes time. */
const LOOKUPS = 16

/**
 * The shards that a fan-out asks, each once, in the order of the configuration. Rejects with ShardUnknownError,
 * TenantInvalidError, TenantUnknownError and RouterUnavailableError: whoever is not found would be missing silently.
 */
export async function findPlaces(
  { layout }: FanOutParts,
  { shards = 'all', tenants }: FanOutTargets,
): Promise<readonly FanOutPlace[]> {
  const { topology, router } = layout
  // What belongs to no tenant has other tables: it is asked by its name alone.
  const names = typeof shards === 'object' ? [...topology.shards.keys()] : layout.shardNames
  if (tenants !== undefined) {
    const ids = [...new Set(Array.from(tenants, normalizeTenantId))]
    const homes = await eachLimited(ids, LOOKUPS, async (id) => router.route(id))
    const groups = new Map<string, string[]>()
    for (const [index, id] of ids.entries()) {
      const { name } = findShard(topology, homes[index] as string)
      groups.set(name, [...(groups.get(name) ?? []), id])
    }
    return inhabited(
      names.flatMap((shard) => (groups.has(shard) ? [{ shard, tenants: groups.get(shard) }] : [])),
    )
  }
  if (typeof shards === 'object') for (const name of shards) findShard(topology, name)
  const isAsked = (name: string) =>
    shards === 'all' || (typeof shards === 'function' ? shards(name) : shards.includes(name))
  return inhabited(names.filter(isAsked).map((shard) => ({ shard, tenants: undefined })))
}

function inhabited(places: readonly FanOutPlace[]): readonly FanOutPlace[] {
  if (places.length === 0)
    throw new TypeError('A fan-out asks at least one shard, and its options name none.')
  return places
}

/** The server that serves a shard in a role. */
export function serverOfPlace(
  { layout, pools }: FanOutParts,
  shard: string,
  role: 'writing' | 'reading',
): string {
  return serverOf(pools.endpointsFor(findShard(layout.topology, shard), role)[0] as Endpoint)
}
