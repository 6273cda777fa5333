import type { ResolvedConfig } from '../config/resolved-config.ts'
import { SLOT_COUNT } from '../config/slot-count.ts'
import { crc16 } from '../util/crc16.ts'
import { placeOf } from './place-of.ts'
import { createStaticStrategy } from './static-strategy.ts'
import type { Placement, Strategy } from './strategy.ts'

/**
 * Every id has a slot, every slot has a shard; tenants that a shard lists by name are there instead.
 *
 * The slot is that of Redis Cluster without its hash tags (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/):
 * it is the same in every process and for ever, so that moving slots moves the tenants of those slots and no others.
 */
export function createBucketsStrategy(config: ResolvedConfig): Strategy {
  const listed = createStaticStrategy(config)
  const owners = ownersOf(config)

  function explain(tenant: string): Placement | undefined {
    const slot = slotOf(tenant)
    const shard = config.shards.get(owners[slot] ?? '')
    if (shard === undefined) return undefined
    const index = shard.buckets.findIndex(({ first, last }) => first <= slot && slot <= last)
    return { shard: shard.name, source: `${placeOf(shard, 'buckets', index)} (slot ${slot})`, cached: false }
  }
  return {
    find: (tenant) => listed.find(tenant) ?? owners[slotOf(tenant)],
    explain: (tenant) => listed.explain(tenant) ?? explain(tenant),
  }
}

/** The slot of a tenant id, from 0 to 16383. */
export function slotOf(tenant: string): number {
  return crc16(tenant) % SLOT_COUNT
}

/** The shard of each slot. */
export function ownersOf({ shards }: ResolvedConfig): readonly (string | undefined)[] {
  const owners = new Array<string | undefined>(SLOT_COUNT)
  for (const { name, buckets } of shards.values()) {
    for (const { first, last } of buckets) owners.fill(name, first, last + 1)
  }
  return owners
}
