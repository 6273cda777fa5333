import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { LeaseRevokedError } from '@sherd/core'
import { beforeEach, expect, onTestFinished } from 'vitest'
import { runBound } from '../../src/scope/scope-storage.ts'
import { partsOf } from '../../src/sharding.ts'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { insertNumbers } from '../support/numbers.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'
import { warmUp } from '../support/warm-up.ts'

const url = await engine.createDatabase()
beforeEach(() => runSql(url, 'drop table if exists items', 'create table items (id int)'))

/** A scope as a request has it: `answer()` is what happens when its response has been sent. */
async function openRequest({ afterResponse = 'detach' as 'detach' | 'reject', stallMs = 60_000 } = {}) {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1, checkoutTimeoutMs: 20_000 } } })
  await warmUp(sharding)
  const scope = { shard: 'one', role: 'writing', preventWrites: false, locked: true } as const
  const { binding } = partsOf(sharding).scopes.enter(scope, undefined, { checkoutTimeoutMs: stallMs })
  const stats = () => {
    const found = sharding.stats().shards['one']?.writing
    if (found === undefined) throw new Error('unreachable')
    return found
  }
  return {
    sharding,
    db: sharding.db,
    stats,
    isAtRest: () => stats().active === 0,
    run: <T>(fn: () => Promise<T>) => runBound(binding, async () => await fn()),
    answer: () => binding.lease.detach(afterResponse),
  }
}

test('L5: after its response a request gives its connection back at once', async () => {
  const { db, run, answer, isAtRest } = await openRequest()
  await run(async () => {
    await db.raw('select 1')
    answer()
  })
  await until(isAtRest)
})

test.needs('SERVER')('L5: a query on the wire settles before the connection goes back', async () => {
  const { sharding, db, run, answer } = await openRequest()
  const view = await ServerView.open(url)
  const order: string[] = []
  await run(async () => {
    const query = db.raw(`select ${engine.sql.sleep(0.2)}`).then(() => order.push('query'))
    await until(() => view.running(engine.sql.sleeping))
    answer()
    await Promise.all([query, bare(() => sharding.connectedTo('one', () => void order.push('next')))])
  })
  expect(order).toEqual(['query', 'next'])
})

test('L6: a query after the response takes a short lease of its own, which is counted and told', async () => {
  const { sharding, db, run, answer, isAtRest, stats } = await openRequest()
  const told: unknown[] = []
  const listener = (message: unknown) => told.push(message)
  subscribe('sherd:lease:detached', listener)
  onTestFinished(() => void unsubscribe('sherd:lease:detached', listener))
  await run(async () => {
    await db.raw('select 1')
    answer()
    await until(isAtRest)
    expect(stats().detachedCount).toBe(0)
    await db('items').insert({ id: 1 })
    await until(isAtRest)
    expect(stats().detachedCount).toBe(1)
    const both = await Promise.all([backendPid(db), backendPid(db)])
    expect(new Set(both).size).toBe(1)
    await db.transaction(async () => {
      await db('items').insert({ id: 2 })
      await db('items').insert({ id: 3 })
    })
    await until(isAtRest)
    expect(await db('items').orderBy('id').pluck('id')).toEqual([1, 2, 3])
    const rows = []
    for await (const row of db('items').orderBy('id').stream({ batchSize: 1 })) rows.push(row)
    expect(rows).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  })
  await until(isAtRest)
  expect(told).toHaveLength(stats().detachedCount)
  expect(told[0]).toMatchObject({ sharding: sharding.id, shard: 'one', role: 'writing' })
})

test('L6: a short lease does not see what the request had set on its connection', async () => {
  const { db, run, answer, isAtRest } = await openRequest()
  await run(async () => {
    await db.raw(engine.sql.mark.set)
    answer()
    await until(isAtRest)
    const rows = engine.rows(await db.raw(`select ${engine.sql.mark.get} as mark`))
    expect(rows).toEqual([{ mark: '' }])
  })
})

test.needs('SERVER')("L6: with afterResponse: 'reject' a query after the response is refused", async () => {
  const { db, run, answer, isAtRest, stats } = await openRequest({ afterResponse: 'reject' })
  const view = await ServerView.open(url)
  await run(async () => {
    const onTheWire = db.raw(`select ${engine.sql.sleep(0.1)}`).then()
    await until(() => view.running(engine.sql.sleeping))
    const queued = errorOf(() => db('items').insert({ id: 1 }))
    answer()
    expect(await queued).toBeInstanceOf(LeaseRevokedError)
    await onTheWire
    expect(await errorOf(() => db('items'))).toBeInstanceOf(LeaseRevokedError)
    expect(await errorOf(() => db.transaction(async () => {}))).toBeInstanceOf(LeaseRevokedError)
  })
  await until(isAtRest)
  expect(stats().detachedCount).toBe(0)
})

for (const afterResponse of ['detach', 'reject'] as const) {
  test(`L5: after the response an open transaction goes on as long as it moves (${afterResponse})`, async () => {
    const { db, run, answer, isAtRest, stats } = await openRequest({ afterResponse })
    await run(async () => {
      await db.transaction(async () => {
        await db('items').insert({ id: 1 })
        answer()
        await db('items').insert({ id: 2 })
        expect(stats().active).toBe(1)
      })
    })
    await until(isAtRest)
    const view = await ServerView.open(url)
    expect(await view.query('select id from items order by id')).toEqual([{ id: 1 }, { id: 2 }])
  })
}

test('L5: after the response an open stream goes on as long as it moves', async () => {
  const { db, run, answer, isAtRest } = await openRequest()
  await runSql(url, insertNumbers('items', 500))
  await run(async () => {
    let count = 0
    for await (const _row of db('items').stream({ batchSize: 50 })) if (++count === 1) answer()
    expect(count).toBe(500)
  })
  await until(isAtRest)
})

test('L5: after the response a transaction without progress is rolled back', async () => {
  const { db, run, answer, isAtRest } = await openRequest({ stallMs: 200 })
  const failed = deferred<Error>()
  await run(async () => {
    const begun = deferred()
    void errorOf(() =>
      db.transaction(async () => {
        await db('items').insert({ id: 1 })
        begun.resolve()
        await new Promise(() => {})
      }),
    ).then(failed.resolve)
    await begun.promise
    answer()
  })
  const since = performance.now()
  await until(isAtRest)
  expect(performance.now() - since).toBeLessThan(2000)
  expect(await failed.promise).toBeInstanceOf(LeaseRevokedError)
  const view = await ServerView.open(url)
  expect(await view.query('select * from items')).toEqual([])
})

test('L5: after the response a stream without progress is destroyed', async () => {
  const { db, run, answer, isAtRest } = await openRequest({ stallMs: 200 })
  await runSql(url, insertNumbers('items', 5000))
  const failed = deferred<Error>()
  await run(async () => {
    const stream = db('items').stream({ highWaterMark: 1 })
    stream.once('error', failed.resolve)
    await new Promise((resolve) => stream.once('data', () => resolve(stream.pause())))
    answer()
  })
  expect(await failed.promise).toBeInstanceOf(LeaseRevokedError)
  await until(isAtRest)
})

test.needs('SERVER')('L5: after the response a slow query is no lack of progress', async () => {
  const { db, run, answer, isAtRest } = await openRequest({ stallMs: 100 })
  const view = await ServerView.open(url)
  await run(async () => {
    const query = db.transaction(() => db.raw(`select 'done' as state, ${engine.sql.sleep(1)} as slept`))
    await until(() => view.running(engine.sql.sleeping))
    answer()
    expect(engine.rows(await query)).toMatchObject([{ state: 'done' }])
  })
  await until(isAtRest)
})

/** Outside of the request's scope. */
function bare<T>(fn: () => Promise<T>): Promise<T> {
  return runBound(undefined, fn)
}
