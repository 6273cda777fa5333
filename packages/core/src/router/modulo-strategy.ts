import type { ResolvedConfig } from '../config/resolved-config.ts'
import { integerId } from './integer-id.ts'
import { placeOf } from './place-of.ts'
import type { Placement, Strategy } from './strategy.ts'

/**
 * Whole-number ids are on the shard whose index is their remainder; negative and other ids are unknown.
 *
 * For those who come from it. It cannot grow: one more shard moves nearly every tenant.
 */
export function createModuloStrategy({ shards }: ResolvedConfig): Strategy {
  const byIndex = Array.from(shards.values()).sort((a, b) => (a.index ?? 0) - (b.index ?? 0))
  const divisor = BigInt(byIndex.length)

  function remainderOf(tenant: string): number | undefined {
    const id = integerId(tenant)
    return id === undefined || id < 0n ? undefined : Number(id % divisor)
  }

  function explain(tenant: string): Placement | undefined {
    const remainder = remainderOf(tenant)
    const shard = remainder === undefined ? undefined : byIndex[remainder]
    if (shard === undefined) return undefined
    const source = `${placeOf(shard, 'index')} (remainder of ${divisor}: ${remainder})`
    return { shard: shard.name, source, cached: false }
  }
  return { find: (tenant) => byIndex[remainderOf(tenant) ?? -1]?.name, explain }
}
