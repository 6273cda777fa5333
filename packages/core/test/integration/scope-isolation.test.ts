import { AsyncLocalStorage } from 'node:async_hooks'
import { expect } from 'vitest'
import { barrier } from '../support/barrier.ts'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { openSharding } from '../support/open-sharding.ts'

const one = await engine.createDatabase()
const two = await engine.createDatabase()

function open() {
  return openSharding({
    one: { connection: one, tenants: ['a', 'b'], pool: { max: 20 } },
    two: { connection: two, tenants: ['c'], pool: { max: 20 } },
  })
}

test('S1: concurrent scopes and sibling promises never see each other', async () => {
  const sharding = open()
  const tenants = Array.from({ length: 30 }, (_, index) => ['a', 'b', 'c'][index % 3] as string)
  const everybody = barrier(tenants.length)
  const seen = await Promise.all(
    tenants.map((tenant) =>
      sharding.connectedToTenant(tenant, async () => {
        await everybody()
        const before = sharding.currentScope()
        const rows = engine.rows(await sharding.db.raw(`select ${engine.sql.database} as name`))
        return [before?.tenant, sharding.currentScope()?.tenant, rows[0].name]
      }),
    ),
  )
  expect(seen).toEqual(tenants.map((tenant) => [tenant, tenant, engine.nameOf(tenant === 'c' ? two : one)]))
  expect(sharding.currentScope()).toBeUndefined()
})

test('S1: two branches of one scope that go elsewhere leave each other where they are', async () => {
  const sharding = open()
  const inTwo = deferred()
  const looked = deferred()
  await sharding.connectedTo('one', async () => {
    await Promise.all([
      sharding.connectedTo('two', async () => {
        inTwo.resolve()
        await looked.promise
        expect(sharding.currentScope()?.shard).toBe('two')
      }),
      (async () => {
        await inTwo.promise
        expect(sharding.currentScope()?.shard).toBe('one')
        looked.resolve()
      })(),
    ])
    expect(sharding.currentScope()?.shard).toBe('one')
  })
})

test('S1: a scope is an immutable value', async () => {
  const sharding = open()
  await sharding.connectedToTenant('a', async () => {
    const scope = sharding.requireScope()
    expect(scope).toEqual({ shard: 'one', tenant: 'a', role: 'writing', preventWrites: false, locked: false })
    expect(Object.isFrozen(scope)).toBe(true)
    await sharding.connectedTo({ role: 'reading', lock: true }, () => undefined)
    expect(sharding.requireScope()).toBe(scope)
  })
})

test('S1: entering a scope changes nothing for the code that runs on beside it', async () => {
  const sharding = open()
  const other = new AsyncLocalStorage<string>()
  const pending = sharding.connectedTo('one', () => other.run('inside', async () => sharding.currentScope()))
  expect(sharding.currentScope()).toBeUndefined()
  expect((await pending)?.shard).toBe('one')
  expect(sharding.currentScope()).toBeUndefined()
})
