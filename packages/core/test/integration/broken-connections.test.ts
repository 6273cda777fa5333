import { ConnectionLostError, QueryTimeoutError, withRawConnection } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { bound, scaled } from '@sherd/local-servers/test-scale'
import type { Client } from 'pg'
import { expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'
import { silencingProxy } from '../support/silencing-proxy.ts'
import { until } from '../support/until.ts'

const url = await createDatabase()
await runSql(url, 'create table items (id int primary key)')

const writing = (sharding: ReturnType<typeof openSharding>) => sharding.stats().shards['one']?.writing

test('L7: a query that takes longer than queryTimeoutMs is stopped on the server, in transactions and streams too', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1, queryTimeoutMs: 100 } } })
  const { db } = sharding
  const view = await ServerView.open(url)
  const numbers = () =>
    db.raw('select n, pg_sleep(case when n > 150 then 60 else 0 end) from generate_series(1, 300) n')
  const cases: readonly (() => PromiseLike<unknown>)[] = [
    () => db.raw('select pg_sleep(60)'),
    () => db.raw('select pg_sleep(60)').timeout(60_000),
    () =>
      db.transaction(async (trx) => {
        await trx('items').insert({ id: 1 })
        await trx.raw('select pg_sleep(60)')
      }),
    async () => {
      for await (const _row of numbers().stream());
    },
    async () => {
      for await (const _row of numbers().stream({ hold: false } as object));
    },
    () => withRawConnection((client: Client) => client.query('select pg_sleep(60)')),
  ]
  for (const run of cases) {
    await sharding.connectedTo('one', async () => {
      expect(await errorOf(run)).toBeInstanceOf(QueryTimeoutError)
      await until(async () => (await view.running('pg_sleep(60)')) === undefined)
    })
  }
  await sharding.connectedTo('one', async () => {
    const own = await errorOf(() => db.raw('select pg_sleep(60)').timeout(20))
    expect(own).toMatchObject({ name: 'KnexTimeoutError', timeout: 20 })
  })
  expect(await sharding.connectedTo('one', () => db('items'))).toEqual([])
})

test('fault 11: a query whose server falls silent ends at its limit, in a transaction too, and the socket is destroyed', async () => {
  const proxy = await silencingProxy(url)
  const LIMIT_MS = 200
  const sharding = openSharding({
    one: { connection: proxy.url, pool: { max: 2, queryTimeoutMs: LIMIT_MS } },
  })
  const { db } = sharding
  for (const run of [
    () => db.raw('select 1'),
    () => db.transaction(async (trx) => void (await trx.raw('select 1'))),
  ]) {
    proxy.speak()
    await sharding.connectedTo('one', async () => {
      await db.raw('select 1')
      proxy.fallSilent()
      const since = performance.now()
      expect(await errorOf(run)).toBeInstanceOf(QueryTimeoutError)
      expect(performance.now() - since).toBeLessThan(LIMIT_MS + bound(50))
    })
    expect(writing(sharding)).toMatchObject({ active: 0, total: 0 })
  }
  proxy.speak()
  expect(await sharding.connectedTo('one', () => db.raw('select 1 as one'))).toMatchObject({
    rows: [{ one: 1 }],
  })
})

test('fault 14: a query after the backend was killed rejects with a typed error that has the cause, and the next scope is served', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const { db } = sharding
  const view = await ServerView.open(url)
  await sharding.connectedTo('one', async () => {
    const pid = await backendPid(db)
    await view.terminate(pid)
    await until(async () => !(await view.sessions()).some((session) => session.pid === pid))
    for (const query of [
      () => db.raw('select 1'),
      () => db.transaction(async () => {}),
      () => db('items').insert({ id: 9 }),
    ]) {
      const error = await errorOf(query)
      expect(error).toBeInstanceOf(ConnectionLostError)
      expect(error).toMatchObject({ statusCode: 503, retryable: false, shard: 'one' })
      expect(error.cause).toBeDefined()
    }
  })
  expect(await sharding.connectedTo('one', () => db('items'))).toEqual([])
})

test('fault 23: a COMMIT whose server falls silent is reported as unknown at its limit, and never sent again', async () => {
  const proxy = await silencingProxy(url)
  const sharding = openSharding({ one: { connection: proxy.url, pool: { max: 1, queryTimeoutMs: 150 } } })
  const { db } = sharding
  const count = scaled(100)
  for (let id = 100; id < 100 + count; id++) {
    proxy.speak()
    const error = await sharding.connectedTo('one', async () =>
      errorOf(() =>
        db.transaction(async (trx) => {
          await trx('items').insert({ id })
          proxy.fallSilentTowardsClient()
        }),
      ),
    )
    expect(error).toMatchObject({ code: 'SHARD_ERR_COMMIT_UNKNOWN' })
  }
  proxy.speak()
  // The server has got each of them, once.
  expect(await sharding.connectedTo('one', () => db('items').where('id', '>=', 100))).toHaveLength(count)
})

test('fault 23: a ROLLBACK whose server falls silent ends within its bound, and the connection is destroyed', async () => {
  const proxy = await silencingProxy(url)
  const sharding = openSharding({ one: { connection: proxy.url, pool: { max: 1 } } })
  const { db } = sharding
  const since = performance.now()
  await sharding.connectedTo('one', async () => {
    const failure = new Error('the application changed its mind')
    const error = await errorOf(() =>
      db.transaction(async (trx) => {
        await trx('items').insert({ id: 50 })
        proxy.fallSilent()
        throw failure
      }),
    )
    expect(error).toBe(failure)
  })
  expect(performance.now() - since).toBeLessThan(bound(500))
  expect(writing(sharding)).toMatchObject({ active: 0, total: 0 })
})

test('fault 23: a session whose server falls silent during its scrub is destroyed, and the scope has not waited for it', async () => {
  const scrubbing = deferred()
  const proxy = await silencingProxy(url)
  const sharding = openSharding({
    one: { connection: proxy.url, pool: { max: 1, checkoutTimeoutMs: 5000 } },
  })
  const { db } = sharding
  const first = await sharding.connectedTo('one', async () => {
    const pid = await backendPid(db)
    proxy.fallSilent()
    scrubbing.resolve()
    return pid
  })
  // It has settled although nothing can be cleaned.
  await scrubbing.promise
  expect(writing(sharding)).toMatchObject({ active: 1, idle: 0 })
  proxy.speakToNewcomers()
  expect(await sharding.connectedTo('one', () => backendPid(db))).not.toBe(first)
})

test('L7: a request to cancel hits no query of a successor', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 2 } } })
  const { db } = sharding
  const count = scaled(1500)
  let hits = 0
  let cancelled = 0
  const one = async () => {
    const controller = new AbortController()
    const job = sharding.shardedJob(
      () => ({ shard: 'one', signal: controller.signal }),
      () => db.raw('select pg_sleep(0.01)'),
    )
    const outcome = job().then(
      () => {},
      () => void cancelled++,
    )
    setTimeout(() => controller.abort(), Math.random() * 15)
    await outcome
    // On the connection that comes back first.
    await sharding.connectedTo('one', () => db.raw('select pg_sleep(0.002)')).catch(() => void hits++)
  }
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let done = 0; done < count / 4; done++) await one()
    }),
  )
  expect(hits).toBe(0)
  expect(cancelled).toBeGreaterThan(count / 10)
})
