import { expect } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { engine, test } from '../support/engine.ts'
import { openSharding } from '../support/open-sharding.ts'

const one = await engine.createDatabase()
const two = await engine.createDatabase()

/** One connection a shard: whoever needed a second one would wait in vain. */
function open() {
  return openSharding(
    { one: { connection: one, tenants: ['a', 'b'] }, two: { connection: two, tenants: ['c'] } },
    { pool: { max: 1, checkoutTimeoutMs: 5000 } },
  )
}

test('S3: a nested connectedTo of the same shard and role uses the same connection', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedToTenant('a', async () => {
    const outer = await backendPid(db)
    expect(await sharding.connectedTo('one', () => backendPid(db))).toBe(outer)
    expect(await sharding.connectedToTenant('b', () => backendPid(db))).toBe(outer)
    // Without replicas the primary reads, too.
    expect(await sharding.connectedTo({ role: 'reading' }, () => backendPid(db))).toBe(outer)
    expect(await sharding.unlocked(() => sharding.connectedTo('one', () => backendPid(db)))).toBe(outer)
  })
})

test('S3: another shard takes a second lease, and the way back uses the first again', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const first = await backendPid(db)
    await sharding.connectedTo('two', async () => {
      const second = await backendPid(db)
      expect(second).not.toBe(first)
      await sharding.connectedTo('one', async () => {
        expect(await backendPid(db)).toBe(first)
        expect(await sharding.connectedTo('two', () => backendPid(db))).toBe(second)
      })
    })
    expect(await backendPid(db)).toBe(first)
  })
})

test('S3: the way back into a transaction is inside of it', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.raw('create table reuse (id int)')
    await db
      .transaction(async () => {
        await sharding.connectedTo('two', () =>
          sharding.connectedTo('one', () => db('reuse').insert({ id: 1 })),
        )
        throw new Error('roll back')
      })
      .catch(() => {})
    expect(await db('reuse')).toEqual([])
  })
})

test('S3: the connection of the outer scope outlives the inner one', async () => {
  const sharding = open()
  await sharding.connectedTo('one', async () => {
    await sharding.db.raw(engine.sql.mark.set)
    await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
    const rows = engine.rows(await sharding.db.raw(`select ${engine.sql.mark.get} as mark`))
    expect(rows).toEqual([{ mark: 'x' }])
  })
})

test('S3: a nested scope takes the connection that its lazy outer scope has not taken', async () => {
  const sharding = open()
  const lent = () => sharding.stats().shards['one']?.writing.active
  await sharding.connectedTo({ shard: 'one', checkout: 'lazy' }, async () => {
    await sharding.connectedTo({ checkout: 'lazy', role: 'reading' }, () => expect(lent()).toBe(0))
    await sharding.connectedTo({ role: 'reading' }, () => expect(lent()).toBe(1))
  })
})

test('S3: a separate scope has a lease of its own on the same shard', async () => {
  const sharding = openSharding({ one: { connection: one, pool: { max: 2 } } })
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const outer = await backendPid(db)
    const inner = await sharding.connectedTo({ separate: true }, async () => {
      const own = await backendPid(db)
      expect(await sharding.connectedTo('one', () => backendPid(db))).toBe(own)
      return own
    })
    expect(inner).not.toBe(outer)
  })
})

test('S3: replicas are leases of their own, used in turn', async () => {
  const sharding = openSharding({
    one: { connection: one, replicas: [{ connection: two }, { connection: two }] },
  })
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const primary = await backendPid(db)
    const reading = () => sharding.connectedTo({ role: 'reading' }, () => backendPid(db))
    const replicas = [await reading(), await reading()]
    expect(new Set([primary, ...replicas]).size).toBe(3)
    await sharding.connectedTo({ role: 'reading' }, async () => {
      expect(await sharding.connectedTo({ role: 'writing' }, () => backendPid(db))).toBe(primary)
    })
  })
})
