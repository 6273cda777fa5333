import { deepFreeze } from '../util/deep-freeze.ts'
import { given } from './given.ts'
import type { Reading } from './reading.ts'
import type { RouterConfig, TenantSourceConfig } from './resolved-config.ts'
import { cacheDefaults, routerDefaults } from './schema/router-schema.ts'
import type { ShardingInput } from './schema/sharding-schema.ts'
import { askedStrategies, type RouterStrategy, simpleStrategies } from './strategy-placements.ts'

/** The router with its defaults filled in. Notes options that its strategy lacks or does not read. */
export function resolveRouter(main: Reading<ShardingInput>): RouterConfig {
  const { strategy = 'static', strategies = [], lookup, lookupTimeoutMs, cache } = main.value.router ?? {}
  const router: RouterConfig = {
    file: main.source.file,
    strategy,
    strategies,
    lookup,
    lookupTimeoutMs: lookupTimeoutMs ?? routerDefaults.lookupTimeoutMs,
    cache: { ...cacheDefaults, ...given(cache) },
  }
  if (!main.isFaulty('router')) checkRouter(main, router)
  return deepFreeze(router)
}

/** Where requests carry their tenant; empty where the configuration does not say. */
export function resolveTenantSources(main: Reading<ShardingInput>): readonly TenantSourceConfig[] {
  const { tenant = [] } = main.value
  return deepFreeze(Array.isArray(tenant) ? tenant : [tenant])
}

function checkRouter(main: Reading<ShardingInput>, router: RouterConfig): void {
  if (router.strategy === 'composite') checkComposite(main, router)
  else reportUnread(main, { option: 'strategies', reader: 'composite', strategy: router.strategy })
  if (askedStrategies(router).includes('lookup')) {
    if (router.lookup === undefined) reportMissingLookup(main)
    return
  }
  for (const option of ['lookup', 'lookupTimeoutMs', 'cache'] as const) {
    reportUnread(main, { option, reader: 'lookup', strategy: router.strategy })
  }
}

function checkComposite(main: Reading<ShardingInput>, { strategies }: RouterConfig): void {
  const path = ['router', 'strategies']
  if (strategies.length === 0) {
    main.report(path, {
      message: 'is empty, so `composite` has nothing to ask',
      mend: `List some of ${simpleStrategies.map((name) => `\`${name}\``).join(', ')}.`,
    })
  }
  for (const [index, strategy] of strategies.entries()) {
    if (strategies.indexOf(strategy) < index) {
      main.report([...path, index], { message: 'stands in the list twice', mend: 'Remove one of the two.' })
    } else if (strategy === 'buckets' && index < strategies.length - 1) {
      main.report([...path, index], {
        message: 'answers for every tenant, so the strategies after it are never asked',
        mend: 'Put `buckets` last.',
      })
    }
  }
}

function reportMissingLookup(main: Reading<ShardingInput>): void {
  main.report(['router', 'lookup'], {
    message: 'is missing, and the strategy `lookup` is nothing without its function',
    mend:
      'A file cannot hold a function: give the configuration as an object with ' +
      "`router: { strategy: 'lookup', lookup: async (tenant) => … }`; its `shards` may name the folder of the shard files.",
  })
}

interface Unread {
  readonly option: 'strategies' | 'lookup' | 'lookupTimeoutMs' | 'cache'
  readonly reader: RouterStrategy
  readonly strategy: RouterStrategy
}

/** An option that nobody reads is a mistake: its author expects it to do something. */
function reportUnread(main: Reading<ShardingInput>, { option, reader, strategy }: Unread): void {
  if (main.value.router?.[option] === undefined) return
  main.report(['router', option], {
    message: `is only read by the strategy \`${reader}\`, and the strategy is \`${strategy}\``,
    mend: 'Remove it, or change `router.strategy`.',
    shown: undefined,
  })
}
