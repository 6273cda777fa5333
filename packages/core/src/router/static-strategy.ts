import type { ResolvedConfig } from '../config/resolved-config.ts'
import { placeOf } from './place-of.ts'
import type { Placement, Strategy } from './strategy.ts'

/** Tenants are where the shards list them. */
export function createStaticStrategy({ shards }: ResolvedConfig): Strategy {
  const byTenant = new Map<string, string>()
  for (const shard of shards.values()) {
    for (const tenant of shard.tenants) byTenant.set(tenant, shard.name)
  }

  function explain(tenant: string): Placement | undefined {
    const shard = shards.get(byTenant.get(tenant) ?? '')
    if (shard === undefined) return undefined
    return {
      shard: shard.name,
      source: placeOf(shard, 'tenants', shard.tenants.indexOf(tenant)),
      cached: false,
    }
  }
  return { find: (tenant) => byTenant.get(tenant), explain }
}
