import { ScopeMismatchError, TenantInvalidError, TenantUnknownError, WritePreventedError } from '@sherd/core'
import { expect } from 'vitest'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'

const one = await engine.createDatabase()
const two = await engine.createDatabase()

function open() {
  return openSharding({
    one: { connection: one, tenants: ['a', 'b', 7] },
    two: { connection: two, tenants: ['c'] },
  })
}

test('S2: connectedTo returns what the function returns and restores the scope', async () => {
  const sharding = open()
  expect(await sharding.connectedTo('one', () => 42)).toBe(42)
  expect(await sharding.connectedTo('one', async () => 'later')).toBe('later')
  await sharding.connectedTo('one', async () => {
    await sharding.connectedTo('two', async () => expect(sharding.currentScope()?.shard).toBe('two'))
    expect(sharding.currentScope()?.shard).toBe('one')
  })
  expect(sharding.currentScope()).toBeUndefined()
})

test('S2: connectedTo restores the scope and gives the connection back when the function throws', async () => {
  const sharding = open()
  const thrown = new Error('on purpose')
  const asynchronously = async () => {
    throw thrown
  }
  const synchronously = () => {
    throw thrown
  }
  for (const fn of [synchronously, asynchronously]) {
    await sharding.connectedTo('one', async () => {
      expect(await errorOf(() => sharding.connectedTo('two', fn))).toBe(thrown)
      expect(sharding.currentScope()?.shard).toBe('one')
      await sharding.db.raw('select 1')
    })
    expect(await errorOf(() => sharding.connectedTo('two', fn))).toBe(thrown)
    expect(sharding.currentScope()).toBeUndefined()
  }
})

test('S2: a query that the function returns without awaiting it runs inside the scope', async () => {
  const sharding = open()
  const name = await sharding.connectedTo('one', () =>
    sharding.connectedTo('two', () =>
      sharding.db.select(sharding.db.raw(`${engine.sql.database} as name`)).first(),
    ),
  )
  expect(name).toEqual({ name: engine.nameOf(two) })
})

test('S2: whatever has a then is awaited inside', async () => {
  const sharding = open()
  const lazy = {
    // biome-ignore lint/suspicious/noThenProperty: that is what it is about
    then: (resolve: (shard: string | undefined) => void) => resolve(sharding.currentScope()?.shard),
  }
  expect(await sharding.connectedTo('one', () => lazy as PromiseLike<string | undefined>)).toBe('one')
})

test('S2: each key of a target changes alone', async () => {
  const sharding = open()
  await sharding.connectedTo({ tenant: 'a', role: 'reading' }, async () => {
    expect(sharding.currentScope()).toMatchObject({
      shard: 'one',
      tenant: 'a',
      role: 'reading',
      preventWrites: true,
    })
    await sharding.connectedTo('two', async () => {
      expect(sharding.currentScope()).toEqual({
        shard: 'two',
        role: 'reading',
        preventWrites: true,
        locked: false,
      })
      await sharding.connectedTo({ role: 'writing' }, () =>
        expect(sharding.currentScope()).toMatchObject({
          shard: 'two',
          role: 'writing',
          preventWrites: false,
        }),
      )
    })
    await sharding.connectedTo({ role: 'writing' }, () =>
      expect(sharding.currentScope()).toMatchObject({ shard: 'one', tenant: 'a', preventWrites: false }),
    )
    await sharding.connectedTo('one', () => expect(sharding.currentScope()?.tenant).toBe('a'))
    expect(sharding.currentScope()).toMatchObject({ shard: 'one', tenant: 'a', role: 'reading' })
  })
})

test('S2: a switch of the shard keeps write prevention, and drops the tenant', async () => {
  const sharding = open()
  await sharding.connectedTo({ tenant: 'a', preventWrites: true }, async () => {
    await sharding.connectedTo('two', async () => {
      expect(sharding.currentScope()).toEqual({
        shard: 'two',
        role: 'writing',
        preventWrites: true,
        locked: false,
      })
      expect(await errorOf(() => sharding.db.raw('create table forbidden ()'))).toBeInstanceOf(
        WritePreventedError,
      )
    })
    await sharding.connectedTo({ preventWrites: false }, () =>
      expect(sharding.currentScope()).toMatchObject({ tenant: 'a', preventWrites: false }),
    )
  })
})

test('S2: a shard and a tenant that the router places elsewhere are refused', async () => {
  const sharding = open()
  const ran = () => expect.unreachable()
  expect(await errorOf(() => sharding.connectedTo({ shard: 'two', tenant: 'a' }, ran))).toBeInstanceOf(
    ScopeMismatchError,
  )
  await sharding.connectedTo({ shard: 'one', tenant: 'a' }, () => undefined)
})

test('S2: a tenant goes to its shard, under any spelling of its id', async () => {
  const sharding = open()
  for (const id of [7, 7n, '7']) {
    await sharding.connectedToTenant(id, () =>
      expect(sharding.currentScope()).toMatchObject({ shard: 'one', tenant: '7' }),
    )
  }
  expect(await sharding.shardFor('c')).toBe('two')
  expect(await errorOf(() => sharding.connectedToTenant('nobody', () => 1))).toBeInstanceOf(
    TenantUnknownError,
  )
  expect(await errorOf(() => sharding.connectedToTenant('', () => 1))).toBeInstanceOf(TenantInvalidError)
  expect(await errorOf(() => sharding.connectedTo({ tenant: 'x'.repeat(256) }, () => 1))).toBeInstanceOf(
    TenantInvalidError,
  )
  const missing = undefined as unknown as string
  expect(await errorOf(() => sharding.connectedToTenant(missing, () => 1))).toBeInstanceOf(TenantInvalidError)
})

test('S2: connectedTo takes the connection before the function runs, and lazily on request', async () => {
  const sharding = open()
  const lent = (shard: string) => sharding.stats().shards[shard]?.writing.active
  await sharding.connectedTo('one', () => expect(lent('one')).toBe(1))
  await sharding.connectedTo({ shard: 'two', checkout: 'lazy' }, async () => {
    expect(lent('two')).toBe(0)
    await sharding.db.raw('select 1')
    expect(lent('two')).toBe(1)
  })
})

test('S2: a target that is none is a mistake of the programmer', async () => {
  const sharding = open()
  const targets = [undefined, null, 5, { shrad: 'one' }, { shard: 'one', role: 'primary' }]
  for (const target of targets) {
    expect(await errorOf(() => sharding.connectedTo(target as unknown as string, () => 1))).toBeInstanceOf(
      TypeError,
    )
  }
})
