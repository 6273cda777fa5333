import type { RouterCacheConfig, TenantLookup } from '../resolved-config.ts'
import { simpleStrategies } from '../strategy-placements.ts'
import { defaultsOf } from './defaults-of.ts'
import { choice, count, duration, func, group, list } from './option.ts'

const cacheSchema = group(
  {
    max: count(1, 100_000_000, {
      description: 'Known tenants that are remembered.',
      default: 10_000,
      example: 10_000,
    }),
    maxUnknown: count(1, 100_000_000, {
      description: 'Unknown tenant ids that are remembered, apart from the known ones.',
      default: 1000,
      example: 1000,
    }),
    ttlMs: duration({
      description: "Milliseconds for which a known tenant's shard is remembered.",
      default: 60_000,
      example: 60_000,
    }),
    unknownTtlMs: duration({
      description: 'Milliseconds for which an unknown tenant id is remembered.',
      default: 5000,
      example: 5000,
    }),
  },
  { description: 'Bounds of the cache in front of `lookup`.', example: { ttlMs: 60_000 } },
)

export const routerSchema = group(
  {
    strategy: choice([...simpleStrategies, 'composite'], {
      description: 'How the shard of a tenant is found.',
      default: 'static',
      example: 'static',
    }),
    strategies: list(
      choice(simpleStrategies, { description: 'A strategy that `composite` asks.', example: 'static' }),
      {
        description: 'Strategies that `composite` asks, in this order, until one answers.',
        example: ['static', 'lookup'],
      },
    ),
    lookup: func<TenantLookup>({
      description: 'Finds the shard of a tenant, for `lookup`; undefined means that the tenant is unknown.',
      example: 'async (tenant) => directory.get(tenant)',
    }),
    lookupTimeoutMs: duration({
      description: 'Milliseconds after which a call of `lookup` counts as failed.',
      default: 5000,
      example: 5000,
    }),
    cache: cacheSchema,
  },
  { description: 'How the shard of a tenant is found.', example: { strategy: 'static' } },
)

/** What holds for an option that nobody gives. */
export const cacheDefaults = defaultsOf(cacheSchema) as unknown as RouterCacheConfig
export const routerDefaults = defaultsOf(routerSchema) as { readonly lookupTimeoutMs: number }
