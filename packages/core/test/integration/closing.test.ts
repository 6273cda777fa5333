import { PoolDrainingError } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

const url = await createDatabase()
beforeEach(() => runSql(url, 'drop table if exists notes', 'create table notes (note text)'))

function open(max = 3) {
  const sharding = openSharding({ one: { connection: url, pool: { max, checkoutTimeoutMs: 60_000 } } })
  const pool = () => sharding.stats().shards['one']?.writing
  return { sharding, db: sharding.db, pool }
}

test('fault 24: close lets those who have a connection query to their end, and refuses all others', async () => {
  const { sharding, db, pool } = open(1)
  const view = await ServerView.open(url)
  const [held, goOn] = [deferred(), deferred()]
  const underWay = sharding.connectedTo('one', async () => {
    held.resolve()
    await goOn.promise
    await db.transaction(() => db('notes').insert({ note: 'kept' }))
    return db('notes').pluck('note')
  })
  await held.promise
  const lazy = deferred()
  const withoutConnection = sharding.connectedTo({ shard: 'one', checkout: 'lazy' }, async () => {
    await lazy.promise
    return errorOf(() => db('notes'))
  })
  const waiting = errorOf(() => sharding.connectedTo('one', () => {}))
  await until(() => pool()?.waiting === 1)
  const closed = sharding.close({ deadlineMs: 60_000 })
  expect(await waiting).toBeInstanceOf(PoolDrainingError)
  expect(await errorOf(() => sharding.connectedTo('one', () => {}))).toBeInstanceOf(PoolDrainingError)
  lazy.resolve()
  expect(await withoutConnection).toBeInstanceOf(PoolDrainingError)
  goOn.resolve()
  expect(await underWay).toEqual(['kept'])
  await closed
  expect(pool()).toMatchObject({ total: 0, active: 0, waiting: 0 })
  await until(async () => (await view.sessions()).length === 0)
})

test('fault 24: close has the server stop what still runs, rolls back and refuses the rest, before its deadline', async () => {
  const { sharding, db, pool } = open()
  const view = await ServerView.open(url)
  let cancelled: Error | undefined
  let last: (Error & { code?: string }) | undefined
  const stuck = sharding.connectedTo('one', () =>
    db.transaction(async () => {
      await db('notes').insert({ note: 'lost' })
      cancelled = await errorOf(() => db.raw('select pg_sleep(3600) as stuck'))
      last = await errorOf(() => db('notes').insert({ note: 'after' }))
    }),
  )
  const outcome = errorOf(() => stuck)
  // Holds its connection and does nothing: what it asks for then comes too late.
  const [idle, hangs] = [deferred(), deferred()]
  const late = sharding.connectedTo('one', async () => {
    idle.resolve()
    await hangs.promise
    return errorOf(() => db('notes'))
  })
  const reading = errorOf(() =>
    sharding.connectedTo('one', async () => {
      for await (const _row of db.raw('select pg_sleep(0.05) from generate_series(1, 100000)').stream());
    }),
  )
  await idle.promise
  await until(() => view.running('as stuck'))
  await until(() => pool()?.active === 3)
  const since = performance.now()
  await sharding.close({ deadlineMs: 5000 })
  expect(performance.now() - since).toBeLessThan(5000)
  // 57014: canceling statement due to user request. The connection was not broken under it.
  expect(cancelled).toMatchObject({ code: '57014' })
  expect(await outcome).toBeInstanceOf(PoolDrainingError)
  // By then the transaction may have been rejected, and the scope have ended with it.
  expect(last?.code).toMatch(/^SHARD_ERR_(POOL_DRAINING|SCOPE_ENDED)$/)
  expect(await reading).toBeInstanceOf(Error)
  hangs.resolve()
  expect(await late).toBeInstanceOf(PoolDrainingError)
  expect(await view.query('select * from notes')).toEqual([])
  expect(await view.sessions()).toEqual([])
})

test('fault 24: close does not stop a COMMIT that is on its way', async () => {
  await runSql(
    url,
    `create or replace function commit_slowly() returns trigger language plpgsql as
       $$ begin perform pg_sleep(3); return null; end $$`,
    `create constraint trigger slow after insert on notes deferrable initially deferred
       for each row execute function commit_slowly()`,
  )
  const { sharding, db } = open()
  const view = await ServerView.open(url)
  const committed = sharding.connectedTo('one', () =>
    db.transaction(() => db('notes').insert({ note: 'kept' })),
  )
  await until(() => view.running('COMMIT'))
  // Its four fifths end in mid-commit.
  await sharding.close({ deadlineMs: 3400 })
  await committed
  expect(await view.query('select note from notes')).toEqual([{ note: 'kept' }])
})

test.skipIf(process.platform === 'win32')(
  'fault 24: close destroys sockets of sessions that do not answer, and settles within a second of its deadline',
  async () => {
    const { sharding, db, pool } = open()
    const held = deferred<number>()
    const stuck = errorOf(() =>
      sharding.connectedTo('one', async () => {
        held.resolve(await backendPid(db))
        await db.raw('select pg_sleep(3600) as stuck')
      }),
    )
    const pid = await held.promise
    process.kill(pid, 'SIGSTOP')
    onTestFinished(() => void process.kill(pid, 'SIGCONT'))
    const since = performance.now()
    await sharding.close({ deadlineMs: 500 })
    expect(performance.now() - since).toBeLessThan(500 + 1000 + 500)
    expect(await stuck).toBeInstanceOf(Error)
    expect(pool()).toMatchObject({ total: 0, active: 0, waiting: 0 })
  },
)

test('close called again returns the same promise, whatever the deadline', async () => {
  const { sharding } = open()
  const [reached, held] = [deferred(), deferred()]
  const underWay = sharding.connectedTo('one', () => {
    reached.resolve()
    return held.promise
  })
  await reached.promise
  const closed = sharding.close({ deadlineMs: 60_000 })
  expect(sharding.close({ deadlineMs: 0 })).toBe(closed)
  held.resolve()
  await Promise.all([underWay, closed])
})

test('close refuses a deadline that is none, and closes nothing', async () => {
  const { sharding, db } = open()
  for (const deadlineMs of [-1, Number.NaN])
    await expect(sharding.close({ deadlineMs })).rejects.toThrow(TypeError)
  await sharding.connectedTo('one', () => db.raw('select 1'))
})
