import { CommitUnknownError, IdentityMismatchError, TransactionAbortedError } from '@sherd/core'
import { beforeEach, expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { engine } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { until } from '../support/until.ts'

const url = await engine.createDatabase()
beforeEach(() =>
  runSql(
    url,
    'drop table if exists items',
    'create table items (id int primary key, n int)',
    'insert into items values (1, 0), (2, 0)',
  ),
)

test('L4: a transaction that a deadlock has rolled back runs nothing more, and does not commit', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 2 } } })
  const { db } = sharding
  const [oneLocked, twoLocked] = [deferred(), deferred()]
  const lock = (first: number, then: number, mine: typeof oneLocked, other: typeof oneLocked) =>
    sharding.connectedTo('one', () =>
      db.transaction(async () => {
        await db('items').where({ id: first }).update({ n: first })
        mine.resolve()
        await other.promise
        const failure = await db('items')
          .where({ id: then })
          .update({ n: first })
          .then(
            () => undefined,
            (error: Error) => error,
          )
        if (failure === undefined) return 'went through'
        // Swallowed: what follows would run, and stay, outside of any transaction.
        expect(failure).toMatchObject({ errno: 1213 })
        expect(await errorOf(() => db('items').insert({ id: first + 10 }))).toBeInstanceOf(
          TransactionAbortedError,
        )
        expect(
          await errorOf(() => db.transaction(() => db('items').insert({ id: first + 20 }))),
        ).toBeInstanceOf(TransactionAbortedError)
        return 'rolled back'
      }),
    )
  const outcomes = await Promise.allSettled([
    lock(1, 2, oneLocked, twoLocked),
    lock(2, 1, twoLocked, oneLocked),
  ])
  const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(lost.map(({ reason }) => reason)).toEqual([expect.any(TransactionAbortedError)])
  const view = await engine.view(url)
  const rows = await view.query<{ id: number; n: number }>('select id, n from items order by id')
  expect(rows.map(({ id }) => id)).toEqual([1, 2])
  expect(new Set(rows.map(({ n }) => n)).size).toBe(1)
})

test('L4: the next transaction on the connection of a lost one is a new one', async () => {
  const sharding = openSharding({
    one: { connection: url, pool: { max: 1 } },
    two: { connection: await engine.createDatabase() },
  })
  const { db } = sharding
  const view = await engine.view(url)
  await view.query('begin')
  await view.query('update items set n = 9 where id = 2')
  await sharding.connectedTo('one', async () => {
    const failing = db.transaction(async () => {
      await db('items').where({ id: 1 }).update({ n: 5 })
      const blocked = db('items').where({ id: 2 }).update({ n: 5 }).then()
      await until(() => view.running('update'))
      await view.query('update items set n = 9 where id = 1').catch(() => view.query('rollback'))
      return await blocked
    })
    await failing.catch((error) => expect(error).toMatchObject({ errno: 1213 }))
    await view.query('rollback')
    await db.transaction(() => db('items').insert({ id: 3, n: 3 }))
    expect(await db('items').where({ id: 3 })).toHaveLength(1)
  })
})

test('L4: a COMMIT during which the session is killed rejects as unknown', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1, checkoutTimeoutMs: 20_000 } } })
  const { db } = sharding
  const [blocker, view] = [await engine.view(url), await engine.view(url)]
  const error = await errorOf(() =>
    sharding.connectedTo('one', async () => {
      const pid = await backendPid(db)
      const inserted = deferred()
      const locked = deferred()
      const transaction = db.transaction(async () => {
        await db('items').insert({ id: 3 })
        inserted.resolve()
        await locked.promise
      })
      // It may be told before the one who kills it is.
      const outcome = errorOf(() => transaction)
      await inserted.promise
      // Lets nobody commit as long as it lasts.
      await blocker.query('flush tables with read lock')
      locked.resolve()
      await until(() => view.running('COMMIT'))
      await view.terminate(pid)
      throw await outcome
    }),
  )
  await blocker.query('unlock tables')
  expect(error).toBeInstanceOf(CommitUnknownError)
})

test('L4: isolation level and read-only mode reach the server', async () => {
  const sharding = openSharding({ one: { connection: url } })
  const { db } = sharding
  const view = await engine.view(url)
  await view.query('begin')
  await view.query('insert into items values (3, 0)')
  await sharding.connectedTo('one', async () => {
    const ids = () => db('items').pluck('id')
    expect(await db.transaction(ids, { isolationLevel: 'read uncommitted' })).toContain(3)
    expect(await db.transaction(ids)).not.toContain(3)
    const write = () => db.transaction(() => db('items').insert({ id: 4 }), { readOnly: true })
    expect(await errorOf(write)).toMatchObject({ code: 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION' })
  })
  await view.query('rollback')
})

test('L5: the promises of a raw connection end with it', async () => {
  const sharding = openSharding({ one: { connection: url } })
  type Promises = { query(sql: string): Promise<unknown> }
  let kept!: Promises
  await sharding.connectedTo('one', () =>
    sharding.withRawConnection(async (connection: { promise(): Promises }) => {
      kept = connection.promise()
      await kept.query('select 1')
    }),
  )
  expect(await errorOf(() => kept.query('select 1'))).toMatchObject({ code: 'SHARD_ERR_LEASE_REVOKED' })
})

test('L8: the character set that was agreed upon survives a server with another one', async () => {
  await runSql(url, 'drop table if exists texts', 'create table texts (t varchar(20) character set utf8mb4)')
  const view = await engine.view(url)
  const { server } = (
    await view.query<{ server: string }>('select @@global.character_set_client as server')
  )[0] as {
    server: string
  }
  await view.query('set global character_set_client = latin1')
  try {
    const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
    for (let round = 0; round < 2; round++) {
      await sharding.connectedTo('one', async () => {
        await sharding.db('texts').del()
        await sharding.db('texts').insert({ t: 'żółw 🐢' })
        expect(await sharding.db('texts').pluck('t')).toEqual(['żółw 🐢'])
      })
    }
  } finally {
    await view.query(`set global character_set_client = ${server}`)
  }
})

test('L8: what connecting has set is there after a cleaning, too', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const mode = async () => engine.rows(await sharding.db.raw('select @@sql_mode as mode'))[0].mode
  const connected = await sharding.connectedTo('one', mode)
  // The driver asks for it, and a reset returns to the server's own.
  expect(connected).toContain('IGNORE_SPACE')
  expect(await sharding.connectedTo('one', mode)).toBe(connected)
})

test('L8: a role that was taken up is laid down', async () => {
  const role = `${engine.nameOf(url)}_role`
  await runSql(url, `create role ${role}`)
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const { db } = sharding
  const lookUp = async () =>
    engine.rows(await db.raw('select current_role() as role, connection_id() as id'))[0]
  const first = await sharding.connectedTo('one', async () => {
    await db.raw(`set role ${role}`)
    return lookUp()
  })
  expect(first.role).toBe(role)
  expect(await sharding.connectedTo('one', lookUp)).toEqual({ role: null, id: first.id })
  await runSql(url, `drop role ${role}`)
})

test('two shards that lead to the same database are refused when both have connected', async () => {
  const sharding = openSharding({ one: { connection: url }, two: { connection: url } })
  await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
  const error = await errorOf(() => sharding.connectedTo('two', () => 1))
  expect(error.cause).toBeInstanceOf(IdentityMismatchError)
})

test('a session setting that the server does not know is the reason why the shard is unavailable', async () => {
  const sharding = openSharding({ one: { connection: url, session: { no_such_setting: 1 } } })
  const error = await errorOf(() => sharding.connectedTo('one', () => 1))
  expect(error).toMatchObject({
    code: 'SHARD_ERR_SHARD_UNAVAILABLE',
    cause: { code: 'ER_UNKNOWN_SYSTEM_VARIABLE' },
  })
})
