import type { IntegerRange, ResolvedConfig, ShardConfig } from '../config/resolved-config.ts'
import { integerId } from './integer-id.ts'
import { placeOf } from './place-of.ts'
import type { Placement, Strategy } from './strategy.ts'

interface Section {
  readonly range: IntegerRange
  readonly shard: ShardConfig
  readonly index: number
}

/** Whole-number ids are in the one half-open range that holds them; ids in a gap, and other ids, are unknown. */
export function createRangeStrategy({ shards }: ResolvedConfig): Strategy {
  const sections = Array.from(shards.values())
    .flatMap((shard) => shard.ranges.map((range, index): Section => ({ range, shard, index })))
    .sort((a, b) => (a.range.from < b.range.from ? -1 : 1))

  function sectionOf(tenant: string): Section | undefined {
    const id = integerId(tenant)
    const section = id === undefined ? undefined : lastStartingAtOrBelow(sections, id)
    if (id === undefined || section === undefined) return undefined
    const { to } = section.range
    return to === undefined || id < to ? section : undefined
  }

  function explain(tenant: string): Placement | undefined {
    const section = sectionOf(tenant)
    if (section === undefined) return undefined
    const { shard, index } = section
    return { shard: shard.name, source: placeOf(shard, 'ranges', index), cached: false }
  }
  return { find: (tenant) => sectionOf(tenant)?.shard.name, explain }
}

/** Binary search; since ranges do not overlap, no other one can hold the id. */
function lastStartingAtOrBelow(sections: readonly Section[], id: bigint): Section | undefined {
  let low = 0
  let high = sections.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const section = sections[middle]
    if (section !== undefined && section.range.from <= id) low = middle + 1
    else high = middle
  }
  return sections[low - 1]
}
