import { afterEach, expect, test, vi } from 'vitest'
import { ResourcePoolClosedError, ResourcePoolMissingError } from '../../src/errors.ts'
import { resourcePool } from '../../src/resources/global-resource-pool.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { eventsOfResources } from '../support/resources-of.ts'

afterEach(() => resourcePool.close())

const OPTIONS = {
  name: 'global',
  create: (index: number) => ({ transactionalId: `orders-${index}` }),
  begin: () => 'begun',
  commit: () => {},
  rollback: () => {},
}

test('use before setup throws, stats before setup are null, and there is nothing to reload or close', async () => {
  expect(await errorOf(() => resourcePool.with(() => {}))).toBeInstanceOf(ResourcePoolMissingError)
  expect(await errorOf(() => resourcePool.transaction(() => {}))).toMatchObject({
    code: 'SHARD_ERR_RESOURCE_POOL_MISSING',
    message: expect.stringContaining('resourcePool.setup()'),
  })
  expect(resourcePool.stats()).toBeNull()
  expect(resourcePool.isActive()).toBe(false)
  await resourcePool.reload()
  await resourcePool.close()
})

test('after setup it lends, in and out of transactions', async () => {
  resourcePool.setup(OPTIONS)
  expect(resourcePool.isActive()).toBe(true)
  expect(await resourcePool.with(({ transactionalId }: { transactionalId: string }) => transactionalId)).toBe(
    'orders-0',
  )
  expect(await resourcePool.transaction((_producer, transaction) => transaction)).toBe('begun')
  expect(resourcePool.stats()).toMatchObject({ size: 5, total: 1, available: 5, checkoutCount: 2 })
})

test('a second setup is refused until the pool is closed', async () => {
  const pool = resourcePool.setup(OPTIONS)
  expect(() => resourcePool.setup(OPTIONS)).toThrow('close() first')
  await resourcePool.close()
  expect(resourcePool.isActive()).toBe(false)
  expect(resourcePool.stats()).toBeNull()
  expect(await errorOf(() => pool.with(() => {}))).toBeInstanceOf(ResourcePoolClosedError)
  resourcePool.setup(OPTIONS)
  expect(resourcePool.isActive()).toBe(true)
})

test('events come once and in order: created, setup, reload, reloaded, shutdown', async () => {
  const { names } = eventsOfResources()
  resourcePool.setup(OPTIONS)
  await resourcePool.with(() => {})
  await resourcePool.reload()
  await Promise.all([resourcePool.close(), resourcePool.close()])
  await resourcePool.close()
  expect(names).toEqual([
    'created global',
    'setup global',
    'reload global',
    'reloaded global',
    'shutdown global',
  ])
})

test('what the last pool could not destroy keeps its index from the next one', async () => {
  const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const { promise, resolve } = deferred()
  const indexes: number[] = []
  const create = (index: number) => indexes.push(index)
  resourcePool.setup({ create, destroy: () => promise, destroyTimeoutMs: 1 })
  await resourcePool.with(() => {})
  await resourcePool.close()
  resourcePool.setup({ create })
  await resourcePool.with(() => {})
  resolve()
  expect(indexes).toEqual([0, 1])
  warning.mockRestore()
})
