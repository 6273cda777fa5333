import { CheckoutTimeoutError, JobAbortedError, ScopeEndedError } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'
import { openTenants } from './open-tenants.ts'

const databases = { one: await createDatabase(), two: await createDatabase() }

/** A job that has touched both roles of its shard and another shard when `end` decides how it ends. */
function touchingEverything(end: () => unknown) {
  const tenants = openTenants(databases)
  const { sharding } = tenants
  const query = () => sharding.db.raw('select 1')
  const job = sharding.shardedJob(
    () => 'a',
    () =>
      sharding.connectedTo({ role: 'reading' }, () =>
        sharding.connectedTo('two', async () => {
          await query()
          expect(tenants.lent()).toBe(3)
          return end()
        }),
      ),
  )
  return { ...tenants, job }
}

test.each<[string, () => unknown]>([
  ['returns', () => 'done'],
  ['throws', () => fail()],
  ['rejects', () => Promise.reject(new Error('the job failed'))],
  ['throws something that is no error', () => Promise.reject('no error')],
])('L5: a job that %s leaves nothing out on any shard or role', async (_, end) => {
  const { job, nothingLent } = touchingEverything(end)
  await job().catch(() => {})
  await nothingLent()
})

function fail(): never {
  throw new Error('the job failed')
}

test('L5: a job that loses a race against time leaves nothing out, whatever still hangs in it', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const { db } = sharding
  const [inside, goOn] = [deferred(), deferred()]
  let left: Promise<Error> | undefined
  const job = sharding.shardedJob(
    () => 'a',
    async () => {
      const work = sharding.connectedTo('two', async () => {
        inside.resolve()
        await goOn.promise
        await db.raw('select 1')
      })
      left = errorOf(() => work)
      await inside.promise
      throw new Error('out of time')
    },
  )
  expect((await errorOf(() => job())).message).toBe('out of time')
  await nothingLent()
  goOn.resolve()
  expect(await left).toBeInstanceOf(ScopeEndedError)
})

test('L5: a job whose signal aborts rejects at once and leaves nothing out, though its handler hangs', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const { db } = sharding
  const [controller, inside, goOn] = [new AbortController(), deferred<AbortSignal>(), deferred()]
  let stray: Promise<Error> | undefined
  const job = sharding.shardedJob(
    () => ({ tenant: 'a', signal: controller.signal }),
    () =>
      sharding.connectedTo('two', async () => {
        inside.resolve(sharding.scopeSignal())
        await goOn.promise
        stray = errorOf(() => db.raw('select 1'))
      }),
  )
  const outcome = errorOf(() => job())
  const seen = await inside.promise
  controller.abort(new Error('shutting down'))
  const error = await outcome
  expect(error).toBeInstanceOf(JobAbortedError)
  expect(error.message).toContain('shutting down')
  expect(error.cause).toBe(controller.signal.reason)
  expect(seen.reason).toBe(error)
  await nothingLent()
  goOn.resolve()
  expect(await until(() => stray)).toBeInstanceOf(ScopeEndedError)
})

test.each<[string, unknown]>([
  ['a text', 'cancelled by ops'],
  ['nothing', undefined],
  ['a number', 7],
])('L5: a signal that aborts with %s for a reason ends a job with an error', async (_, reason) => {
  const { sharding } = openTenants(databases)
  const controller = new AbortController()
  const job = sharding.shardedJob(
    () => ({ tenant: 'a', signal: controller.signal }),
    () => new Promise(() => controller.abort(reason)),
  )
  expect(await errorOf(() => job())).toBeInstanceOf(JobAbortedError)
})

test.each(['one', 'two'])(
  'L7: the query of an aborted job is stopped on the server, on shard %s',
  async (shard) => {
    const { sharding, nothingLent } = openTenants(databases)
    const view = await ServerView.open(databases[shard as 'one'])
    const controller = new AbortController()
    const job = sharding.shardedJob(
      () => ({ tenant: 'a', signal: controller.signal }),
      () => sharding.connectedTo(shard, () => sharding.db.raw('select pg_sleep(60)')),
    )
    const outcome = errorOf(() => job())
    await until(() => view.running('pg_sleep'))
    controller.abort()
    expect(await outcome).toBeInstanceOf(JobAbortedError)
    await nothingLent()
    expect(await view.running('pg_sleep')).toBeUndefined()
  },
)

test('L5: the open transaction of an aborted job is rolled back', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const { db } = sharding
  await sharding.connectedTo('one', () => db.raw('create table aborted (id int)'))
  const controller = new AbortController()
  const job = sharding.shardedJob(
    () => ({ tenant: 'a', signal: controller.signal }),
    () =>
      db.transaction(async () => {
        await db('aborted').insert({ id: 1 })
        controller.abort()
        await new Promise(() => {})
      }),
  )
  expect(await errorOf(() => job())).toBeInstanceOf(JobAbortedError)
  await nothingLent()
  expect(await sharding.connectedTo('one', () => db('aborted'))).toEqual([])
})

test('L7: a COMMIT that is on its way when a job is aborted is not cancelled', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const { db } = sharding
  const view = await ServerView.open(databases.one)
  await view.query('create table slowly_committed (id int)')
  await view.query(
    `create function slow_commit() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return null; end'`,
  )
  await view.query(
    'create constraint trigger slow after insert on slowly_committed deferrable initially deferred for each row execute function slow_commit()',
  )
  const controller = new AbortController()
  const job = sharding.shardedJob(
    () => ({ tenant: 'a', signal: controller.signal }),
    () => db.transaction(() => db('slowly_committed').insert({ id: 1 })),
  )
  const outcome = errorOf(() => job())
  await until(() => view.running('COMMIT'))
  controller.abort()
  expect(await outcome).toBeInstanceOf(JobAbortedError)
  await nothingLent()
  expect(await view.query('select id from slowly_committed')).toEqual([{ id: 1 }])
})

test('S9: a job that is aborted while it waits for a connection leaves the queue and never runs', async () => {
  const { sharding, nothingLent } = openTenants(databases, { max: 1, checkoutTimeoutMs: 10_000 })
  const waiting = () => sharding.stats().shards['two']?.writing.waiting
  const controller = new AbortController()
  await sharding.connectedTo('two', async () => {
    const job = sharding.shardedJob(
      () => ({ tenant: 'c', signal: controller.signal }),
      () => expect.unreachable(),
    )
    const outcome = errorOf(() => job())
    await until(() => waiting() === 1)
    controller.abort()
    expect(await outcome).toBeInstanceOf(JobAbortedError)
    expect(waiting()).toBe(0)
  })
  await nothingLent()
})

test('S9: a job whose signal has aborted before takes no connection and never runs', async () => {
  const { sharding } = openTenants(databases)
  const job = sharding.shardedJob(
    () => ({ tenant: 'a', signal: AbortSignal.abort() }),
    () => expect.unreachable(),
  )
  expect(await errorOf(() => job())).toBeInstanceOf(JobAbortedError)
  expect(sharding.stats().shards['one']?.writing.total).toBe(0)
})

test('S9: a job that is aborted at any instant before its handler never runs', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
  await nothingLent()
  const ran: boolean[] = []
  for (let instant = 0; instant < 12; instant++) {
    const controller = new AbortController()
    const abortLater = async () => {
      for (let turn = 0; turn < instant; turn++) await Promise.resolve()
      controller.abort()
    }
    const job = sharding.shardedJob(
      () => {
        void abortLater()
        return { tenant: 'a', signal: controller.signal }
      },
      () => {
        ran.push(controller.signal.aborted)
      },
    )
    const outcome = await job().then(
      () => undefined,
      (error) => error,
    )
    if (outcome !== undefined) expect(outcome).toBeInstanceOf(JobAbortedError)
    await nothingLent()
  }
  expect(new Set(ran)).toEqual(new Set([false]))
})

test('a signal that outlives its jobs keeps no listener of theirs', async () => {
  const { sharding } = openTenants(databases)
  const { signal } = new AbortController()
  let listeners = 0
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: unknown[]) => {
    listeners++
    Reflect.apply(addEventListener, signal, args)
  }
  signal.removeEventListener = (...args: unknown[]) => {
    listeners--
    Reflect.apply(removeEventListener, signal, args)
  }
  const job = sharding.shardedJob(
    () => ({ tenant: 'a', signal }),
    (isFailing: boolean) => {
      expect(listeners).toBe(1)
      if (isFailing) fail()
    },
  )
  await job(false)
  await errorOf(() => job(true))
  expect(listeners).toBe(0)
})

test('L1: a job waits for its connection as long as its target says', async () => {
  const { sharding } = openTenants(databases, { max: 1, checkoutTimeoutMs: 10_000 })
  const job = sharding.shardedJob(
    () => ({ tenant: 'c', checkoutTimeoutMs: 30 }),
    () => expect.unreachable(),
  )
  await sharding.connectedTo('two', async () => {
    expect(await errorOf(() => job())).toBeInstanceOf(CheckoutTimeoutError)
  })
})

test('L2: a lazy job takes its connection with its first query', async () => {
  const { sharding, lent, nothingLent } = openTenants(databases)
  const job = sharding.shardedJob(
    () => ({ tenant: 'a', checkout: 'lazy' }),
    async () => {
      const before = lent()
      await sharding.db.raw('select 1')
      return [before, lent()]
    },
  )
  expect(await job()).toEqual([0, 1])
  await nothingLent()
})
