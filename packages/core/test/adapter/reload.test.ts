import { expect, onTestFinished, test } from 'vitest'
import { withRequest } from '../../src/adapter/index.ts'
import { type ConfigObject, createSharding } from '../../src/index.ts'

const configOf = (tenant?: ConfigObject['tenant']): ConfigObject => ({
  ...(tenant === undefined ? {} : { tenant }),
  shards: { a: { client: 'pg', connection: 'postgres://h/d', tenants: ['acme', 'globex'] } },
})

const request = {
  method: 'GET',
  url: '/',
  headers: { 'x-tenant-id': 'acme', 'x-customer': 'globex' },
}

test('tenants are identified by the configuration that was reloaded, unless the middleware says how', async () => {
  const sharding = createSharding({ config: configOf({ header: 'x-tenant-id' }) })
  onTestFinished(() => sharding.close())
  const plain = { sharding, checkout: 'lazy' } as const
  const own = { ...plain, tenant: { header: 'x-tenant-id' } }
  const found = () =>
    Promise.all(
      [plain, own].map((options) => withRequest({}, request, options, async (shard) => shard?.tenant)),
    )
  expect(await found()).toEqual(['acme', 'acme'])
  await sharding.reload({ config: configOf({ header: 'x-customer' }) })
  expect(await found()).toEqual(['globex', 'acme'])
  await sharding.reload({ config: configOf() })
  expect(await found(), 'a configuration that does not say leaves it as it was').toEqual(['globex', 'acme'])
})
