import { expectReleased, transactionalTests, withRollback } from '@sherd/core/testing'
import type { Knex } from 'knex'
import { beforeEach, describe, expect } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'

const [first, second] = [await engine.createDatabase(), await engine.createDatabase()]
const TABLES = [
  'drop table if exists children',
  'drop table if exists items',
  'create table items (id int primary key)',
]
beforeEach(async () => {
  for (const url of [first, second]) await runSql(url, ...TABLES)
})

/** Kinds of dirt that are refused inside a transaction, or cannot be removed there: docs/testing.md lists them. */
const BEYOND_TRANSACTIONS = new Set([
  'XA transaction',
  'autocommit that is off',
  'lock on a table',
  ...(engine.name === 'MariaDB' ? ['temporary table that hides one of the tenant'] : []),
  'PRAGMA',
])

const pool = { max: 3, checkoutTimeoutMs: 20_000 }
const open = () =>
  openSharding({
    one: { connection: first, replicas: [{ connection: first }], pool },
    two: { connection: second, pool },
  })

const ids = async (db: Knex) => (await db('items').orderBy('id')).map(({ id }) => id)

/** What another process would see. */
async function committed(url: string): Promise<number[]> {
  const view = await engine.view(url)
  return (await view.query('select id from items order by id')).map(({ id }) => id as number)
}

test('what a test writes is seen by its later leases, on every role, and is gone after it, on all shards', async () => {
  const sharding = open()
  const { db, connectedTo } = sharding
  const tests = transactionalTests(sharding)
  for (let round = 0; round < 3; round++) {
    await tests.begin()
    for (const shard of ['one', 'two']) {
      await connectedTo(shard, () => db('items').insert({ id: 1 }))
      await connectedTo(shard, () => db.transaction((trx) => trx('items').insert({ id: 2 })))
      expect(await connectedTo(shard, () => ids(db))).toEqual([1, 2])
      expect(await connectedTo({ shard, role: 'reading' }, () => ids(db))).toEqual([1, 2])
    }
    expect([await committed(first), await committed(second)]).toEqual([[], []])
    await tests.rollback()
    expect([await committed(first), await committed(second)]).toEqual([[], []])
  }
  await connectedTo('one', () => db('items').insert({ id: 3 }))
  expect(await committed(first)).toEqual([3])
})

test('what a transaction or a lease rolls back or leaves open is undone, and what was committed before stays', async () => {
  const sharding = open()
  const { db, connectedTo } = sharding
  await withRollback(sharding, async () => {
    await connectedTo('one', async () => {
      await db('items').insert({ id: 1 })
      const failure = new Error('no')
      await expect(
        db.transaction(async (trx) => {
          await trx('items').insert({ id: 2 })
          throw failure
        }),
      ).rejects.toBe(failure)
      await db.transaction(async () => {
        await db('items').insert({ id: 3 })
        await expect(
          db.transaction(async () => {
            await db('items').insert({ id: 4 })
            throw failure
          }),
        ).rejects.toBe(failure)
        await db('items').insert({ id: 5 })
      })
      expect(await ids(db)).toEqual([1, 3, 5])
      await db.raw('begin')
      await db('items').insert({ id: 6 })
    })
    await connectedTo('one', async () => {
      expect(await ids(db)).toEqual([1, 3, 5])
      await db.raw('begin')
      await db('items').insert({ id: 7 })
      await db.raw('commit')
      await db.raw('rollback')
    })
    expect(await connectedTo('one', () => ids(db))).toEqual([1, 3, 5, 7])
  })
  expect(await committed(first)).toEqual([])
})

test('a failed query outside of transactions spoils nothing, inside it fails its transaction', async () => {
  const sharding = open()
  const { db, connectedTo } = sharding
  await withRollback(sharding, async () => {
    await connectedTo('one', async () => {
      await db('items').insert({ id: 1 })
      await expect(db('items').insert({ id: 1 })).rejects.toThrow()
      await expect(db('no_such_table')).rejects.toThrow()
      await db('items').insert({ id: 2 })
      await expect(
        db.transaction(async (trx) => {
          await trx('items').insert({ id: 3 })
          await trx('items').insert({ id: 3 })
        }),
      ).rejects.toThrow()
      expect(await ids(db)).toEqual([1, 2])
    })
    expect(await connectedTo('one', () => ids(db))).toEqual([1, 2])
  })
})

test('leases of one shard queue on its one connection; a queue that does not move ends as ever', async () => {
  const sharding = open()
  const { db, connectedTo } = sharding
  await withRollback(sharding, async () => {
    const sessions = await Promise.all(
      Array.from({ length: 20 }, (_, id) =>
        connectedTo('one', async () => {
          await db('items').insert({ id })
          return engine.hasServer ? backendPid(db) : 0
        }),
      ),
    )
    expect(new Set(sessions).size).toBe(1)
    expect(await connectedTo('one', () => ids(db))).toHaveLength(20)
    await expectReleased(sharding)
    expect(sharding.stats().shards['one']?.writing).toMatchObject({ total: 1, max: 1, active: 0 })

    const [inside, done] = [deferred(), deferred()]
    const holder = connectedTo('one', async () => {
      inside.resolve()
      await done.promise
    })
    await inside.promise
    const impatient = { shard: 'one', checkoutTimeoutMs: 50 }
    await expect(connectedTo(impatient, () => ids(db))).rejects.toMatchObject({
      code: 'SHARD_ERR_CHECKOUT_TIMEOUT',
    })
    done.resolve()
    await holder
  })
})

test('a second connection beside the one is refused at once, with the reason', async () => {
  const sharding = open()
  const { db, connectedTo } = sharding
  await withRollback(sharding, async () => {
    await connectedTo('one', async () => {
      await expect(connectedTo({ shard: 'one', separate: true }, () => ids(db))).rejects.toThrow(
        'shard "one" has one connection, which the enclosing scope holds',
      )
      await connectedTo('two', () => db('items').insert({ id: 1 }))
      expect(await connectedTo({ role: 'reading' }, () => ids(db))).toEqual([])
    })
  })
  await connectedTo('one', () => connectedTo({ shard: 'one', separate: true }, () => ids(db)))
})

test('a connection that is held keeps a test from beginning, and is told of at its end', async () => {
  const sharding = open()
  const { db, connectedTo } = sharding
  const tests = transactionalTests(sharding, { withinMs: 20 })
  const hold = async () => {
    const [inside, done] = [deferred(), deferred()]
    const job = connectedTo('one', async () => {
      await db('items').insert({ id: 1 })
      inside.resolve()
      await done.promise
    })
    await inside.promise
    return async () => {
      done.resolve()
      await job
    }
  }
  const letGo = await hold()
  await expect(tests.begin()).rejects.toThrow('one, writing: 1 in use')
  await letGo()
  await connectedTo('one', () => db('items').del())
  await expectReleased(sharding)

  await tests.begin()
  const letGoInside = await hold()
  await expect(tests.rollback()).rejects.toThrow('one, writing: 1 in use')
  await letGoInside()
  expect(await committed(first)).toEqual([])
  await expectReleased(sharding)
  await tests.begin()
  await connectedTo('one', () => db('items').insert({ id: 1 }))
  await expect(tests.begin()).rejects.toThrow('twice')
  await expectReleased(sharding)
  await tests.rollback()
  await tests.rollback()
  expect(await committed(first)).toEqual([])
})

test('statements that would end the test unseen are refused', async () => {
  const sharding = open()
  const { db, connectedTo } = sharding
  await withRollback(sharding, async () => {
    await connectedTo('one', async () => {
      await expect(db.raw('begin; insert into items values (1); commit')).rejects.toThrow(
        'because it would end it',
      )
      await expect(db.raw('commit and chain')).rejects.toThrow('because it would end it')
    })
  })
  expect(await committed(first)).toEqual([])
})

test('withRollback returns what its function returns, and fails with what it fails with', async () => {
  const sharding = open()
  const { db, connectedTo } = sharding
  const insert = () => connectedTo('one', () => db('items').insert({ id: 1 }))
  expect(await withRollback(sharding, () => insert().then(() => 'done'))).toBe('done')
  const failure = new Error('no')
  await expect(withRollback(sharding, () => insert().then(() => Promise.reject(failure)))).rejects.toBe(
    failure,
  )
  expect(await committed(first)).toEqual([])
})

describe('the next lease sees nothing of', () => {
  const { look, dirt } = engine.traces
  /** Without what tells that there is a transaction: the test's. */
  const sessionOf = async (db: Knex) => {
    const answers = []
    for (const statement of look) {
      const rows = engine.rows(await db.raw(statement))
      answers.push(rows.filter((row) => row.variable_name !== 'IN_TRANSACTION'))
    }
    return answers.flat().map(({ transaction: _, ...row }) => row)
  }
  for (const [kind, statements] of Object.entries(dirt)) {
    if (BEYOND_TRANSACTIONS.has(kind)) continue
    test(`a ${kind}`, async () => {
      const sharding = open()
      const { db, connectedTo } = sharding
      await withRollback(sharding, async () => {
        const baseline = await connectedTo('one', () => sessionOf(db))
        await connectedTo('one', async () => {
          await db('items').insert({ id: 100 })
          for (const statement of statements) await db.raw(statement)
        })
        expect(await connectedTo('one', () => sessionOf(db))).toEqual(baseline)
        expect(await connectedTo('one', () => ids(db))).toContain(100)
      })
      expect(await committed(first)).toEqual([])
    })
  }
})

test('a reload in the middle of a test is refused, and told to nobody', async () => {
  const sharding = open()
  const told: unknown[] = []
  sharding.on('topology:reload', (message) => told.push(message))
  await withRollback(sharding, async () => {
    await expect(sharding.reload()).rejects.toThrow(/nothing to reload before its rollback/)
  })
  expect(told).toEqual([])
  expect((await sharding.reload()).version).toBe(2)
})
