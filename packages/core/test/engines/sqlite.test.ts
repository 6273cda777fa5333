import { setTimeout as delay } from 'node:timers/promises'
import { IdentityMismatchError, LeaseRevokedError } from '@sherd/core'
import { beforeEach, expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { engine } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'

const url = await engine.createDatabase()
beforeEach(() => runSql(url, 'drop table if exists items', 'create table items (id integer primary key)'))

test('many scopes that write at once take turns, and nobody is told that the database is locked', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 8 } } })
  const { db } = sharding
  await Promise.all(
    Array.from({ length: 24 }, (_, index) =>
      sharding.connectedTo('one', async () => {
        await db('items').insert({ id: 1000 + index })
        await db.transaction(async () => {
          // Whoever reads first and then writes would hold an old picture by then.
          const rows = await db('items')
          await delay(1)
          await db('items').insert({ id: index })
          expect(await db('items')).toHaveLength(rows.length + 1)
        })
      }),
    ),
  )
  expect(await sharding.connectedTo('one', () => db('items'))).toHaveLength(48)
})

test('whoever waits for the lock does not stop the process, and gives up after busy_timeout', async () => {
  const sharding = openSharding({
    one: { connection: url, session: { busy_timeout: 100 }, pool: { max: 2 } },
  })
  const { db } = sharding
  await sharding.connectedTo('one', () =>
    db.transaction(async () => {
      await db('items').insert({ id: 1 })
      let ticks = 0
      const ticking = setInterval(() => ticks++, 5)
      const failure = await errorOf(() =>
        sharding.connectedTo({ shard: 'one', separate: true }, () => db('items').insert({ id: 2 })),
      )
      clearInterval(ticking)
      expect(failure).toMatchObject({ code: 'SQLITE_BUSY' })
      expect(ticks).toBeGreaterThan(3)
    }),
  )
  await sharding.connectedTo('one', async () => {
    await db('items').insert({ id: 3 })
    const other = openSharding({ one: { connection: url } })
    // What is written after a statement that had failed on the lock is really there.
    expect(await other.connectedTo('one', () => other.db('items').pluck('id'))).toEqual([1, 3])
  })
})

test('what is written after a statement that failed on the lock is there, or refused', async () => {
  const sharding = openSharding({ one: { connection: url, session: { busy_timeout: 1 }, pool: { max: 2 } } })
  const { db } = sharding
  const [locked, failed] = [deferred(), deferred()]
  const holder = sharding.connectedTo('one', () =>
    db.transaction(async () => {
      await db('items').insert({ id: 1 })
      locked.resolve()
      await failed.promise
    }),
  )
  await locked.promise
  const written: number[] = []
  await sharding.connectedTo('one', async () => {
    expect(await errorOf(() => db('items').insert({ id: 2 }))).toMatchObject({ code: 'SQLITE_BUSY' })
    failed.resolve()
    await holder
    await db('items')
      .insert({ id: 3 })
      .then(
        () => written.push(3),
        () => {},
      )
  })
  const view = await engine.view(url)
  const found = await view.query<{ id: number }>('select id from items order by id')
  expect(found.map(({ id }) => id)).toEqual([1, ...written])
})

test('a timeout ends the wait for the lock', async () => {
  const sharding = openSharding({
    one: { connection: url, session: { busy_timeout: 60_000 }, pool: { max: 2 } },
  })
  const { db } = sharding
  await sharding.connectedTo('one', () =>
    db.transaction(async () => {
      await db('items').insert({ id: 1 })
      const waiting = () =>
        sharding.connectedTo({ shard: 'one', separate: true }, () =>
          db('items').insert({ id: 2 }).timeout(50),
        )
      expect((await errorOf(waiting)).name).toBe('KnexTimeoutError')
    }),
  )
})

test('readers do not wait for the writer', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 2 } } })
  const { db } = sharding
  await sharding.connectedTo('one', () =>
    db.transaction(async () => {
      await db('items').insert({ id: 1 })
      const reading = { shard: 'one', separate: true, role: 'reading' } as const
      await sharding.connectedTo(reading, async () => {
        expect(await db('items')).toEqual([])
        expect(await db.transaction(() => db('items'))).toEqual([])
      })
    }),
  )
})

test('L4: a transaction that SQLite rolls back by itself runs nothing more, and does not commit', async () => {
  const sharding = openSharding({ one: { connection: url } })
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const lost = db.transaction(async () => {
      await db('items').insert({ id: 1 })
      await errorOf(() => db.raw('insert or rollback into items values (1)'))
      await db('items')
        .insert({ id: 2 })
        .catch(() => {})
    })
    expect(await errorOf(() => lost)).toMatchObject({ code: 'SHARD_ERR_TRANSACTION_ABORTED' })
    expect(await db('items')).toEqual([])
    await db.transaction(() => db('items').insert({ id: 3 }))
    expect(await db('items')).toEqual([{ id: 3 }])
  })
})

test('L4: a COMMIT that fails on a deferred foreign key rejects, and leaves no transaction open', async () => {
  await runSql(
    url,
    'drop table if exists parts',
    'create table parts (item int references items(id) deferrable initially deferred)',
  )
  const sharding = openSharding({ one: { connection: url, session: { foreign_keys: 1 } } })
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const orphan = () => db.transaction(() => db('parts').insert({ item: 99 }))
    expect(await errorOf(orphan)).toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
    await db.transaction(() => db('items').insert({ id: 4 }))
    expect([await db('items'), await db('parts')]).toEqual([[{ id: 4 }], []])
  })
})

test("knex's changes of a table leave foreign keys checked", async () => {
  const sharding = openSharding({ one: { connection: url, session: { foreign_keys: 1 } } })
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.schema.alterTable('items', (table) => void table.string('name'))
    await db.schema.alterTable('items', (table) => void table.dropColumn('name'))
    expect(await db.raw('pragma foreign_keys')).toEqual([{ foreign_keys: 1 }])
  })
})

test('L5: a raw connection ends with its lease', async () => {
  const sharding = openSharding({ one: { connection: url } })
  type Database = { prepare(sql: string): unknown }
  let kept!: Database
  await sharding.connectedTo('one', () =>
    sharding.withRawConnection(async (connection: Database) => {
      kept = connection
      connection.prepare('select 1')
    }),
  )
  expect(() => kept.prepare('select 1')).toThrow(LeaseRevokedError)
})

test('a database in memory has one connection, which outlives its leases', async () => {
  const sharding = openSharding({
    one: { connection: ':memory:', pool: { idleTimeoutMs: 1 } },
    two: { connection: ':memory:' },
  })
  const { db } = sharding
  await sharding.connectedTo('one', () => db.raw('create table kept as select 1 as n'))
  await delay(20)
  await sharding.connectedTo('one', async () => {
    expect(await db('kept')).toEqual([{ n: 1 }])
    await db.raw('create temporary table gone (id int)')
  })
  const both = await Promise.all([1, 2].map(() => sharding.connectedTo('one', () => backendPid(db))))
  expect(new Set(both).size).toBe(1)
  expect(sharding.stats().shards['one']?.writing).toMatchObject({ total: 1, max: 1 })
  await sharding.connectedTo('two', async () => expect(await db.schema.hasTable('kept')).toBe(false))
})

test('two shards that lead to the same file are refused, under whatever name', async () => {
  const sharding = openSharding({
    one: { connection: url },
    two: { connection: url.replace(/(shard\.db)$/, './$1') },
  })
  await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
  const error = await errorOf(() => sharding.connectedTo('two', () => 1))
  expect(error.cause).toBeInstanceOf(IdentityMismatchError)
})

test('a replica does not write, whatever its scope says', async () => {
  const sharding = openSharding({ one: { connection: url, replicas: [{ connection: url }] } })
  await sharding.connectedTo({ shard: 'one', role: 'reading', preventWrites: false }, async () => {
    expect(await errorOf(() => sharding.db('items').insert({ id: 1 }))).toMatchObject({ code: /READONLY/ })
  })
})

test('a session setting that is no PRAGMA is refused', async () => {
  const sharding = openSharding({ one: { connection: url, session: { no_such_pragma: 1 } } })
  const error = await errorOf(() => sharding.connectedTo('one', () => 1))
  expect((error.cause as Error).message).toContain('no_such_pragma')
})

test('whoever waits in the queue of the pool is served while another waits for the lock', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 2 } } })
  const { db } = sharding
  const [locked, done] = [deferred(), deferred()]
  const writer = sharding.connectedTo('one', () =>
    db.transaction(async () => {
      locked.resolve()
      await done.promise
    }),
  )
  await locked.promise
  const second = sharding.connectedTo('one', () => db('items').insert({ id: 1 }))
  const third = sharding.connectedTo('one', () => db('items').insert({ id: 2 }))
  done.resolve()
  await Promise.all([writer, second, third])
})
