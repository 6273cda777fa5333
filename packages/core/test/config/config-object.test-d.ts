import { describe, expectTypeOf, it } from 'vitest'
import type { z } from 'zod'
import type {
  ConfigObject,
  PoolObject,
  ReplicaObject,
  RouterCacheObject,
  RouterObject,
  ShardingOptions,
  ShardOptions,
  SharedOptions,
} from '../../src/config/config-object.ts'
import { defineConfig } from '../../src/config/define-config.ts'
import type { PoolConfig } from '../../src/config/resolved-config.ts'
import type { poolSchema } from '../../src/config/schema/pool-schema.ts'
import type { routerSchema } from '../../src/config/schema/router-schema.ts'
import type { shardSchema } from '../../src/config/schema/shard-schema.ts'
import type { shardingSchema } from '../../src/config/schema/sharding-schema.ts'
import type { SimpleStrategy, simpleStrategies } from '../../src/config/strategy-placements.ts'

type Given<S extends z.ZodType> = z.output<S>
type Item<T> = T extends readonly (infer I)[] ? I : never

describe('the type of a configuration object', () => {
  it('has the options of the schema, no more and no fewer', () => {
    expectTypeOf<keyof PoolObject>().toEqualTypeOf<keyof Given<typeof poolSchema>>()
    expectTypeOf<keyof PoolConfig>().toEqualTypeOf<keyof PoolObject>()
    expectTypeOf<keyof RouterObject>().toEqualTypeOf<keyof Given<typeof routerSchema>>()
    expectTypeOf<keyof RouterCacheObject>().toEqualTypeOf<
      keyof NonNullable<Given<typeof routerSchema>['cache']>
    >()
    expectTypeOf<keyof ShardOptions>().toEqualTypeOf<keyof Given<typeof shardSchema>>()
    expectTypeOf<keyof ShardingOptions>().toEqualTypeOf<keyof Given<typeof shardingSchema>>()
    expectTypeOf<keyof SharedOptions>().toEqualTypeOf<
      keyof NonNullable<Given<typeof shardingSchema>['defaults']>
    >()
    expectTypeOf<keyof ReplicaObject>().toEqualTypeOf<
      keyof Item<NonNullable<Given<typeof shardSchema>['replicas']>>
    >()
  })

  it('knows the strategies', () => {
    expectTypeOf<(typeof simpleStrategies)[number]>().toEqualTypeOf<SimpleStrategy>()
  })

  it('accepts what a user writes', () => {
    defineConfig({
      router: { strategy: 'lookup', lookup: async (tenant) => (tenant === 'acme' ? 'shard_0' : undefined) },
      tenant: [{ header: 'x-tenant-id' }, { cookie: 'tenant' }],
      defaults: { client: 'pg', pool: { max: 10, idleTimeoutMs: null }, knex: { useNullAsDefault: true } },
      shards: {
        shard_0: {
          connection: async () => ({ host: 'h', password: 'fresh' }),
          tenants: ['acme', 42, 7n],
          ranges: [{ from: 1, to: 10n }, { from: '20' }],
          $production: { pool: { max: 50 } },
          '$env.staging': { pool: { max: 5 } },
        },
      },
      $test: { defaults: { pool: { max: 1 } } },
      '$env.staging': { shards: { shard_0: { index: 0 } } },
    })
  })

  it('refuses what no file may hold', () => {
    // @ts-expect-error: shards are missing
    defineConfig({ router: {} })
    // @ts-expect-error: an option of knex that has its own place
    defineConfig({ shards: { a: { knex: { pool: {} } } } })
    // @ts-expect-error: off is null
    defineConfig({ shards: { a: { pool: { idleTimeoutMs: false } } } })
    // @ts-expect-error: two keys of one source
    defineConfig({ tenant: { headr: 'x' }, shards: {} })
    // @ts-expect-error: no such option
    defineConfig({ shards: { a: { pool: { perTenantMaximum: 3 } } } })
    expectTypeOf<ConfigObject>().toHaveProperty('shards')
  })
})
