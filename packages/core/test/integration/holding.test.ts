import { LeaseBlockedError, PoolDrainingError } from '@sherd/core'
import { expect } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { insertNumbers } from '../support/numbers.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { until } from '../support/until.ts'

const url = await engine.createDatabase()
await runSql(url, 'create table numbers (id int)', insertNumbers('numbers', 300))

function open(max = 1) {
  const sharding = openSharding({ one: { connection: url, pool: { max, checkoutTimeoutMs: 20_000 } } })
  const lent = () => sharding.stats().shards['one']?.writing.active
  return { sharding, db: sharding.db, lent }
}

test('L2: an eager scope holds its connection from before its function to its end', async () => {
  const { sharding, lent } = open()
  await sharding.connectedTo('one', () => expect(lent()).toBe(1))
  await until(() => lent() === 0)
})

test('L2: a lazy scope takes its connection with its first query, and none without', async () => {
  const { sharding, db, lent } = open()
  await sharding.connectedTo({ shard: 'one', checkout: 'lazy' }, () => undefined)
  expect(sharding.stats().shards['one']?.writing.total).toBe(0)
  await sharding.connectedTo({ shard: 'one', checkout: 'lazy' }, async () => {
    expect(lent()).toBe(0)
    const query = db.raw('select 1')
    expect(lent()).toBe(0)
    await query
    expect(lent()).toBe(1)
  })
})

test('L2: twenty first queries at once of a lazy scope take one connection', async () => {
  const { sharding, db } = open(5)
  await sharding.connectedTo({ shard: 'one', checkout: 'lazy' }, async () => {
    const pids = await Promise.all(Array.from({ length: 20 }, () => backendPid(db)))
    expect(new Set(pids).size).toBe(1)
  })
})

test('L2: releaseConnection hands the connection back, and the next query takes one again', async () => {
  const { sharding, db, lent } = open()
  await sharding.connectedTo('one', async () => {
    await db.raw('select 1')
    await sharding.releaseConnection()
    await until(() => lent() === 0)
    // The pool's only connection serves somebody else meanwhile.
    await sharding.connectedTo({ shard: 'one', separate: true }, () => db.raw('select 1'))
    await db.raw('select 1')
    expect(lent()).toBe(1)
    await sharding.releaseConnection()
    await sharding.releaseConnection()
    await until(() => lent() === 0)
  })
})

test.needs('SERVER')('L2: releaseConnection waits for the queries that came before it', async () => {
  const { sharding, db, lent } = open()
  await sharding.connectedTo('one', async () => {
    const before = Promise.all([
      db.raw(`select ${engine.sql.sleep(0.05)}`).then(),
      db.raw('select 2 as two').then(),
    ])
    await sharding.releaseConnection()
    expect(engine.rows((await before)[1])).toEqual([{ two: 2 }])
    await until(() => lent() === 0)
  })
})

test('L2: what the session held is gone with the connection', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    await db.raw(engine.sql.mark.set)
    await sharding.releaseConnection()
    const rows = engine.rows(await db.raw(`select ${engine.sql.mark.get} as mark`))
    expect(rows).toEqual([{ mark: '' }])
  })
})

test('L2: releaseConnection is refused while a transaction is open', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    await db.transaction(async () => {
      expect(await errorOf(() => sharding.releaseConnection())).toBeInstanceOf(LeaseBlockedError)
    })
    const trx = await db.transaction()
    const since = performance.now()
    const error = await errorOf(() => sharding.releaseConnection())
    expect(error).toBeInstanceOf(LeaseBlockedError)
    expect(error.message).toMatch(/trx\d+/)
    expect(performance.now() - since).toBeLessThan(10_000)
    await trx.commit()
    await db.raw('select 1')
    await sharding.releaseConnection()
  })
})

test.needs('CURSORS')('L2: releaseConnection is refused while a stream is open', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    for await (const _row of db('numbers').stream()) {
      expect(await errorOf(() => sharding.releaseConnection())).toBeInstanceOf(LeaseBlockedError)
      break
    }
    await sharding.releaseConnection()
  })
})

test('L2: a nested scope takes back what its outer scope released', async () => {
  const { sharding, lent } = open()
  await sharding.connectedTo('one', async () => {
    await sharding.releaseConnection()
    await until(() => lent() === 0)
    await sharding.connectedTo('one', () => expect(lent()).toBe(1))
  })
})

test('L2: a lazy scope that outlives its pool learns it with its query', async () => {
  const { sharding, db } = open()
  const [entered, closed] = [deferred(), deferred()]
  const scope = sharding.connectedTo({ shard: 'one', checkout: 'lazy' }, async () => {
    entered.resolve()
    await closed.promise
    return errorOf(() => db.raw('select 1'))
  })
  await entered.promise
  await sharding.close()
  closed.resolve()
  expect(await scope).toBeInstanceOf(PoolDrainingError)
})
