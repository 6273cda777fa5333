import { reportIndexes } from './check-indexes.ts'
import { reportOverlappingRanges } from './check-ranges.ts'
import { reportOverlappingSlots, reportUncoveredSlots } from './check-slots.ts'
import { reportSharedTenants } from './check-tenants.ts'
import type { Path } from './path.ts'
import type { Reading } from './reading.ts'
import type { ShardReading } from './readings.ts'
import type { RouterConfig } from './resolved-config.ts'
import type { ShardingInput } from './schema/sharding-schema.ts'
import {
  askedStrategies,
  type PlacementOption,
  placementsOf,
  type SimpleStrategy,
} from './strategy-placements.ts'

interface Whole {
  readonly router: RouterConfig
  readonly main: Reading<ShardingInput>
  readonly shards: readonly ShardReading[]
}

const ALL: readonly PlacementOption[] = ['tenants', 'ranges', 'buckets', 'index']

/** Looks at how tenants are placed over the shards: nobody on two of them, and nothing written in vain. */
export function checkPlacement({ router, main, shards }: Whole): void {
  reportSharedTenants(shards)
  reportOverlappingRanges(shards)
  reportOverlappingSlots(shards)
  if (main.isFaulty('router')) return
  const read = new Set(askedStrategies(router).flatMap((strategy) => placementsOf(strategy)))
  for (const shard of shards) {
    for (const option of ALL) {
      if (!read.has(option) && shard.value[option] !== undefined) reportUnread(shard, option, router)
    }
  }
}

/** Looks for what a strategy needs and the shards lack. Only for a configuration that could be read completely. */
export function checkCoverage({ router, main, shards }: Whole): void {
  for (const strategy of askedStrategies(router)) {
    const path = placeOf(strategy, main)
    if (strategy === 'buckets') reportUncoveredSlots(shards, { main, path })
    if (strategy === 'modulo') reportIndexes(shards)
    if (strategy === 'range') reportUnused('ranges', shards, { main, path })
    // Without a router in the configuration, its shards may be there to be used by name only.
    if (strategy === 'static' && main.value.router?.strategy !== undefined) {
      reportUnused('tenants', shards, { main, path })
    }
  }
}

function reportUnread(shard: ShardReading, option: PlacementOption, router: RouterConfig): void {
  const asked = askedStrategies(router)
  shard.report([option], {
    message: `is not read by the strategy ${asked.map((name) => `\`${name}\``).join(' or ')}`,
    mend: 'Remove it, change `router.strategy`, or ask several with `composite`.',
    shown: undefined,
  })
}

function reportUnused(
  option: 'tenants' | 'ranges',
  shards: readonly ShardReading[],
  { main, path }: { main: Reading<unknown>; path: Path },
): void {
  if (shards.some(({ value }) => (value[option]?.length ?? 0) > 0)) return
  main.report(path, {
    message: `has nothing to go by: no shard has \`${option}\``,
    mend: `Write \`${option}\` in the files of the shards.`,
  })
}

/** Where the configuration names a strategy. */
function placeOf(strategy: SimpleStrategy, main: Reading<ShardingInput>): Path {
  const index = main.value.router?.strategies?.indexOf(strategy) ?? -1
  return index === -1 ? ['router', 'strategy'] : ['router', 'strategies', index]
}
