import { describe, expect, it } from 'vitest'
import {
  createSharding,
  type RouteExplanation,
  RouterUnavailableError,
  TenantInvalidError,
  TenantUnknownError,
} from '../src/index.ts'
import { inEmptyFolder, write } from './config/in-folder.ts'

inEmptyFolder()

describe('explain', () => {
  it('names the strategy, the file and the place in it', async () => {
    write({
      'config/sharding.yaml':
        'router: { strategy: composite, strategies: [static, buckets] }\ndefaults: { client: pg }\n',
      'config/shards/shard_0.yaml': 'connection: postgres://h/a\ntenants: [globex, 42]\nbuckets: [0-8191]\n',
      'config/shards/shard_1.yaml': 'connection: postgres://h/b\nbuckets: [8192-16383]\n',
    })
    const sharding = createSharding({ env: {} })
    const explanation: RouteExplanation = await sharding.explain(42)
    expect(explanation).toEqual({
      tenant: '42',
      shard: 'shard_0',
      strategy: 'static',
      source: 'config/shards/shard_0.yaml › tenants[1]',
      cached: false,
    })
    await expect(sharding.explain('acme')).resolves.toEqual({
      tenant: 'acme',
      shard: 'shard_1',
      strategy: 'buckets',
      source: 'config/shards/shard_1.yaml › buckets[0] (slot 11304)',
      cached: false,
    })
  })

  it('says whether lookup was asked or its answer remembered, and agrees with shardFor', async () => {
    const sharding = createSharding({
      config: {
        router: { strategy: 'lookup', lookup: async (tenant) => (tenant === 'acme' ? 'a' : undefined) },
        shards: { a: { client: 'pg', connection: 'postgres://h/d' } },
      },
    })
    const expected = { tenant: 'acme', shard: 'a', strategy: 'lookup', source: 'config › router.lookup' }
    await expect(sharding.explain('acme')).resolves.toEqual({ ...expected, cached: false })
    await expect(sharding.explain('acme')).resolves.toEqual({ ...expected, cached: true })
    await expect(sharding.shardFor('acme')).resolves.toBe('a')
  })

  it('rejects as shardFor does, and opens nothing', async () => {
    const lookup = (tenant: string): Promise<undefined> =>
      tenant === 'down' ? Promise.reject(new Error('directory down')) : Promise.resolve(undefined)
    const sharding = createSharding({
      config: {
        router: { strategy: 'lookup', lookup },
        shards: { a: { client: 'pg', connection: 'postgres://h/d' } },
      },
    })
    for (const ask of [sharding.explain.bind(sharding), sharding.shardFor.bind(sharding)]) {
      await expect(ask('nobody')).rejects.toBeInstanceOf(TenantUnknownError)
      await expect(ask('')).rejects.toBeInstanceOf(TenantInvalidError)
      await expect(ask({} as never)).rejects.toBeInstanceOf(TenantInvalidError)
      await expect(ask('down')).rejects.toBeInstanceOf(RouterUnavailableError)
    }
    expect(sharding.stats().shards['a']?.writing.total).toBe(0)
  })
})
