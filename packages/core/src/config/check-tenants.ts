import { placeIn } from './place-in.ts'
import type { ShardReading } from './readings.ts'

/** Notes every tenant that is listed a second time, on another shard or on the same. */
export function reportSharedTenants(shards: readonly ShardReading[]): void {
  const seen = new Map<string, { shard: ShardReading; index: number }>()
  for (const shard of shards) {
    for (const [index, tenant] of (shard.value.tenants ?? []).entries()) {
      const first = seen.get(tenant)
      if (first === undefined) seen.set(tenant, { shard, index })
      else {
        shard.report(['tenants', index], {
          message: `lists a tenant a second time, after ${placeIn(first.shard, ['tenants', first.index])}`,
          mend: 'Keep it where its data is.',
        })
      }
    }
  }
}
