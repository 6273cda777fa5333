import { createDatabase } from '@sherd/local-servers/test-database'
import pg from 'pg'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createSharding, TransactionAbortedError } from '../../src/index.ts'
import { transactionalTests } from '../../src/testing/index.ts'

const connection = await createDatabase()
const look = async (sql: string) => {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

await look(`create table parents (id int primary key);
  create table children (id int primary key,
    parent int references parents deferrable initially deferred)`)

/** A Sharding in a test's transaction, which is rolled back when the current test has finished. */
async function begun() {
  const sharding = createSharding({ config: { shards: { one: { client: 'pg', connection } } } })
  const tests = transactionalTests(sharding)
  await tests.begin()
  onTestFinished(async () => {
    await tests.rollback()
    await sharding.close()
  })
  return { ...sharding, db: sharding.db, connectedTo: sharding.connectedTo, tests, sharding }
}

beforeEach(async () => {
  expect(await look('select id from parents union all select id from children')).toEqual([])
})

test('deferred constraints are checked by COMMIT and by statements outside of transactions', async () => {
  const { db, connectedTo } = await begun()
  await connectedTo('one', async () => {
    for (let round = 0; round < 2; round++) {
      await expect(db('children').insert({ id: 1, parent: 1 })).rejects.toMatchObject({ code: '23503' })
      await expect(
        db.transaction((trx) => trx('children').insert({ id: 1, parent: 1 })),
      ).rejects.toMatchObject({ code: '23503' })
      await db.transaction(async (trx) => {
        await trx('children').insert({ id: 10 + round, parent: 10 + round })
        await trx('parents').insert({ id: 10 + round })
      })
    }
    expect(await db('children').pluck('id').orderBy('id')).toEqual([10, 11])
  })
})

test('a COMMIT after an error that was swallowed is told as one that the server rolled back', async () => {
  const { db, connectedTo } = await begun()
  await connectedTo('one', async () => {
    await expect(
      db.transaction(async (trx) => {
        await trx('parents').insert({ id: 1 })
        await trx('nothing').catch(() => {})
      }),
    ).rejects.toBeInstanceOf(TransactionAbortedError)
    expect(await db('parents')).toEqual([])
  })
})

test('a transaction that only reads does not write', async () => {
  const { db, connectedTo } = await begun()
  await connectedTo('one', async () => {
    await expect(
      db.transaction((trx) => trx('parents').insert({ id: 1 }), { readOnly: true }),
    ).rejects.toMatchObject({ code: '25006' })
    await db.transaction((trx) => trx('parents').insert({ id: 2 }), { isolationLevel: 'serializable' })
    expect(await db('parents').pluck('id')).toEqual([2])
  })
})

test('what a raw connection sends takes part, with its own BEGIN and COMMIT', async () => {
  const { db, connectedTo, sharding } = await begun()
  await connectedTo('one', async () => {
    await sharding.withRawConnection(async (client: pg.Client) => {
      await client.query('BEGIN')
      await client.query('insert into parents values ($1)', [1])
      await client.query('COMMIT')
      await client.query({ text: 'START TRANSACTION' })
      await client.query('insert into parents values (2)')
      await expect(client.query('insert into parents values (2)')).rejects.toMatchObject({ code: '23505' })
      await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' })
      await client.query('-- undone\nROLLBACK;')
      const answer = await new Promise((resolve) => {
        client.query('select id from parents', (_error, { rows }) => resolve(rows))
      })
      expect(answer).toEqual([{ id: 1 }])
    })
    expect(await db('parents').pluck('id')).toEqual([1])
  })
})

test('streams are read, and one that fails spoils nothing', async () => {
  const { db, connectedTo } = await begun()
  await connectedTo('one', async () => {
    await db.raw('insert into parents select generate_series(1, 500)')
    const seen: number[] = []
    for await (const { id } of db('parents').orderBy('id').stream()) {
      seen.push(id)
      if (id % 100 === 0) await db('parents').insert({ id: id + 1000 })
    }
    expect(seen).toHaveLength(500)
    for (const query of ['select 1 / (id - 250) from parents order by id', 'select * from nowhere']) {
      const read = new Promise((resolve, reject) => {
        db.raw(query)
          .stream()
          .on('data', () => {})
          .on('end', resolve)
          .on('error', reject)
      })
      await expect(read).rejects.toThrow()
      await expect(db.raw(query).stream().toArray()).rejects.toThrow()
    }
    expect(await db('parents').pluck('id')).toHaveLength(505)
  })
  expect(await connectedTo('one', () => db('parents').pluck('id'))).toHaveLength(505)
})

test('a query that is cancelled spoils nothing', async () => {
  const { db, connectedTo } = await begun()
  await connectedTo('one', async () => {
    await db('parents').insert({ id: 1 })
    for (let round = 0; round < 5; round++) {
      await expect(db.raw('select pg_sleep(10)').timeout(20)).rejects.toThrow('timeout')
    }
    await db('parents').insert({ id: 2 })
  })
  expect(await connectedTo('one', () => db('parents').orderBy('id').pluck('id'))).toEqual([1, 2])
})

test('a schema is changed for the test alone', async () => {
  const { db, connectedTo } = await begun()
  await connectedTo('one', async () => {
    await db.schema.createTable('mine', (table) => table.increments())
    await db('mine').insert({})
    expect(await db.schema.hasTable('mine')).toBe(true)
  })
  expect(await look("select to_regclass('mine') as mine")).toEqual([{ mine: null }])
})

test('a test whose transaction was ended by a statement is told so', async () => {
  const { db, connectedTo, tests } = await begun()
  await connectedTo('one', () => db.raw('insert into parents values (1); commit').catch(() => {}))
  await expect(tests.rollback()).rejects.toThrow("ended the test's transaction on one")
  expect(await look('delete from parents returning id')).toEqual([{ id: 1 }])
})

test('a test whose connection has ended gets no other, which would know nothing of it', async () => {
  const { db, connectedTo } = await begun()
  await connectedTo('one', async () => {
    await db('parents').insert({ id: 1 })
    const [{ pid }] = (await db.raw('select pg_backend_pid() as pid')).rows
    await look(`select pg_terminate_backend(${pid})`)
    await expect(db('parents')).rejects.toThrow()
  })
  await expect(connectedTo('one', () => db('parents'))).rejects.toMatchObject({
    code: 'SHARD_ERR_SHARD_UNAVAILABLE',
    cause: { message: expect.stringContaining('with it went everything') },
  })
})

test('only databases whose transactions are known can do it', async () => {
  const sharding = createSharding({
    config: { shards: { one: { client: 'libsql', connection: ':memory:' } } },
  })
  expect(() => transactionalTests(sharding)).toThrow('shard "one" is in memory')
})
