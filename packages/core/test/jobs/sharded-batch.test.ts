import {
  BatchFailedError,
  JobAbortedError,
  ShardUnavailableError,
  TenantInvalidError,
  TenantMissingError,
  TenantUnknownError,
} from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { barrier } from '../support/barrier.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'
import { openTenants } from './open-tenants.ts'

const databases = { one: await createDatabase(), two: await createDatabase() }

interface Message {
  readonly tenant: string
  readonly n: number
}

const message = (tenant: string, n: number): Message => ({ tenant, n })
const tenantOf = ({ tenant }: Message) => tenant

test('a batch takes one connection a shard, and each message runs in its own scope', async () => {
  const { sharding, lent, nothingLent } = openTenants(databases)
  const { db } = sharding
  let most = 0
  const handle = sharding.shardedBatch(tenantOf, async ({ n }: Message) => {
    most = Math.max(most, lent())
    const { tenant, shard } = sharding.requireScope()
    return { n, tenant, shard, pid: await backendPid(db) }
  })
  const batch = Array.from({ length: 30 }, (_, n) => message(['a', 'c', 'b'][n % 3] as string, n))
  const results = await handle(batch)
  expect(results.map(({ n }) => n)).toEqual(batch.map(({ n }) => n))
  expect(results.map(({ tenant }) => tenant)).toEqual(batch.map(tenantOf))
  const pids = (name: string) => new Set(results.filter(({ shard }) => shard === name).map(({ pid }) => pid))
  expect([pids('one').size, pids('two').size]).toEqual([1, 1])
  expect(most).toBeLessThanOrEqual(2)
  expect(sharding.stats().shards['one']?.writing.total).toBe(1)
  await nothingLent()
})

test('messages of one shard run in their order, one after another', async () => {
  const { sharding } = openTenants(databases)
  const order: number[] = []
  let running = 0
  const handle = sharding.shardedBatch(
    // Looked up in another order than they came.
    async ({ tenant, n }: Message) => {
      for (let turn = 0; turn < 5 - n; turn++) await Promise.resolve()
      return tenant
    },
    async ({ n }: Message) => {
      expect(++running).toBe(1)
      await sharding.db.raw('select 1')
      order.push(n)
      running--
    },
  )
  await handle([0, 1, 2, 3, 4].map((n) => message(n % 2 === 0 ? 'a' : 'b', n)))
  expect(order).toEqual([0, 1, 2, 3, 4])
})

test('a batch fails when all are done, and names each message that was not handled', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const handled: number[] = []
  const handle = sharding.shardedBatch(tenantOf, async ({ n }: Message) => {
    await sharding.db.raw('select 1')
    if (n === 2) throw new Error('no good')
    handled.push(n)
    return n
  })
  const batch = ['a', 'nobody', 'a', '', 'b', 'c'].map(message)
  const error = (await errorOf(() => handle(batch))) as unknown as BatchFailedError
  expect(error).toBeInstanceOf(BatchFailedError)
  expect(error.message).toMatch(/^3 of 6 messages failed, the first of them, at 1, with TenantUnknownError: /)
  expect(error.failures.map(({ index, message }) => [index, message])).toEqual(
    [1, 2, 3].map((index) => [index, batch[index]]),
  )
  const [unknown, thrown, invalid] = error.failures.map(({ reason }) => reason)
  expect(unknown).toBeInstanceOf(TenantUnknownError)
  expect(thrown).toMatchObject({ message: 'no good' })
  expect(invalid).toBeInstanceOf(TenantInvalidError)
  expect(handled.sort()).toEqual([0, 4, 5])
  expect(JSON.stringify(error)).not.toContain('nobody')
  await nothingLent()
})

test('settled tells what became of each message and rejects for none', async () => {
  const { sharding } = openTenants(databases)
  const handle = sharding.shardedBatch(
    ({ tenant }: { tenant?: string }) => tenant,
    ({ tenant }) => tenant,
  )
  const batch = [{ tenant: 'a' }, {}]
  expect(await handle.settled(batch)).toEqual([
    { status: 'fulfilled', message: batch[0], value: 'a' },
    { status: 'rejected', message: batch[1], reason: expect.any(TenantMissingError) },
  ])
  expect(await handle([])).toEqual([])
  expect(await handle(new Set([{ tenant: 'c' }]))).toEqual(['c'])
})

test('this and whatever else the batch is called with reach both functions', async () => {
  const { sharding } = openTenants(databases)
  const seen: unknown[] = []
  const consumer = {
    handle: sharding.shardedBatch(
      function (this: unknown, { tenant }: Message, ...rest: [string]) {
        seen.push([this === consumer, rest])
        return tenant
      },
      function (this: unknown, _message: Message, ...rest: [string]) {
        seen.push([this === consumer, rest])
      },
    ),
  }
  await consumer.handle([message('a', 1)], 'heartbeat')
  await consumer.handle.settled.call(consumer, [message('a', 1)], 'heartbeat')
  expect(seen).toEqual(Array(4).fill([true, ['heartbeat']]))
})

test('L8: no message sees the session of the one before', async () => {
  const { sharding } = openTenants(databases)
  const { db } = sharding
  await sharding.connectedTo('one', () => db.raw('create table kept_apart (tenant text)'))
  const handle = sharding.shardedBatch(tenantOf, async ({ tenant }: Message) => {
    const { rows } = await db.raw(
      `select current_setting('app.tenant', true) as setting, current_setting('search_path') as path,
         to_regclass('pg_temp.mine') as temporary, (select count(*)::int from pg_prepared_statements) as prepared,
         (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks`,
    )
    await db.raw(`select set_config('app.tenant', ?, false)`, [tenant])
    await db.raw('set search_path to nowhere')
    await db.raw('create temporary table mine (id int)')
    await db.raw('prepare mine as select 1')
    await db.raw('select pg_advisory_lock(1)')
    return { ...rows[0], setting: rows[0].setting || null }
  })
  const clean = { setting: null, path: '"$user", public', temporary: null, prepared: 0, locks: 0 }
  expect(await handle([message('a', 1), message('b', 2), message('b', 3)])).toEqual([clean, clean, clean])
})

test('L8: a transaction that a message leaves open swallows nothing of the next, nor keeps it waiting', async () => {
  const { sharding } = openTenants(databases, { checkoutTimeoutMs: 60_000 })
  const { db } = sharding
  await sharding.connectedTo('one', () => db.raw('create table left_open (n int)'))
  const handle = sharding.shardedBatch(tenantOf, async ({ n }: Message) => {
    if (n === 0) await db.raw('begin')
    if (n === 2) {
      await new Promise<void>((resolve) => {
        const forEver = db.transaction(async () => {
          await db('left_open').insert({ n })
          resolve()
          await new Promise(() => {})
        })
        forEver.catch(() => {})
      })
    } else if (n === 4) await (await db.transaction())('left_open').insert({ n })
    else await db('left_open').insert({ n })
  })
  await handle([0, 1, 2, 3, 4, 5].map((n) => message(n % 2 === 0 ? 'a' : 'b', n)))
  const left = await sharding.connectedTo('one', () => db('left_open').orderBy('n').pluck('n'))
  expect(left).toEqual([1, 3, 5])
})

test('a message that costs the connection costs no other message anything', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const { db } = sharding
  const handle = sharding.shardedBatch(tenantOf, async ({ n }: Message) => {
    if (n === 1) await db.raw('select pg_terminate_backend(pg_backend_pid())')
    return backendPid(db)
  })
  const outcomes = await handle.settled(['a', 'b', 'a', 'b'].map(message))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  await nothingLent()
})

test('a message that will not let the connection go costs no other message anything', async () => {
  const { sharding, nothingLent } = openTenants(databases, { checkoutTimeoutMs: 500 })
  const { db } = sharding
  const handle = sharding.shardedBatch(tenantOf, async ({ n }: Message) => {
    if (n === 0) {
      await new Promise<void>((resolve) => {
        void sharding.withRawConnection(() => new Promise(() => resolve())).catch(() => {})
      })
    }
    if (n > 0) await db.raw('select 1')
    return n
  })
  expect(await handle(['a', 'b', 'a'].map(message))).toEqual([0, 1, 2])
  await nothingLent()
})

test('no more shards than told are worked on at a time', async () => {
  const url = databases.one
  const names = Array.from({ length: 12 }, (_, index) => `shard_${index}`)
  const sharding = openSharding(
    Object.fromEntries(
      names.map((name) => [name, { connection: url, session: { search_path: name }, tenants: [name] }]),
    ),
  )
  const view = await ServerView.open(url)
  for (const name of names) await view.query(`create schema ${name}`)
  const running = new Set<string>()
  let most = 0
  const run = async (concurrency: number | undefined) => {
    most = 0
    const together = barrier(concurrency ?? 8)
    const handle = sharding.shardedBatch(
      (name: string) => name,
      async (name) => {
        running.add(name)
        most = Math.max(most, running.size)
        // As many as may run are waited for, so that they do run side by side.
        await together()
        await sharding.db.raw('select 1')
        running.delete(name)
      },
      concurrency === undefined ? {} : { concurrency },
    )
    await handle(names)
    return most
  }
  expect([await run(3), await run(1), await run(12), await run(undefined)]).toEqual([3, 1, 12, 8])
})

test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '3'])(
  'a concurrency of %s is refused',
  (concurrency) => {
    const { sharding } = openTenants(databases)
    expect(() => sharding.shardedBatch(tenantOf, () => {}, { concurrency: concurrency as number })).toThrow(
      RangeError,
    )
  },
)

test('a shard that is away fails its own messages only', async () => {
  const sharding = openSharding({
    up: { connection: databases.one, tenants: ['a'] },
    down: { connection: 'postgres://postgres@127.0.0.1:1/nothing', tenants: ['c'] },
  })
  const handle = sharding.shardedBatch(tenantOf, async ({ n }: Message) => {
    await sharding.db.raw('select 1')
    return n
  })
  const outcomes = await handle.settled(['c', 'a', 'c', 'a'].map(message))
  const down = { status: 'rejected', reason: expect.any(ShardUnavailableError) }
  expect(outcomes).toMatchObject([down, { value: 1 }, down, { value: 3 }])
})

test('messages that read go to a replica, on one connection, too', async () => {
  const { sharding, lent } = openTenants(databases)
  const handle = sharding.shardedBatch(
    ({ tenant, n }: Message) => ({ tenant, role: n < 2 ? 'reading' : 'writing' }),
    async () => {
      await sharding.db.raw('select 1')
      return [sharding.requireScope().role, sharding.requireScope().preventWrites]
    },
  )
  const reading = ['reading', true]
  const writing = ['writing', false]
  expect(await handle(['a', 'b', 'a', 'b'].map(message))).toEqual([reading, reading, writing, writing])
  expect(lent()).toBeLessThanOrEqual(2)
  const { one } = sharding.stats().shards
  expect([one?.reading.total, one?.writing.total]).toEqual([1, 1])
})

test('a message whose signal aborts fails alone, and its query is stopped on the server', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const { db } = sharding
  const view = await ServerView.open(databases.one)
  const controller = new AbortController()
  const signals: AbortSignal[] = []
  const handle = sharding.shardedBatch(
    ({ tenant, n }: Message) => (n === 1 ? { tenant, signal: controller.signal } : tenant),
    async ({ n }: Message) => {
      signals.push(sharding.scopeSignal())
      await db.raw(n === 1 ? 'select pg_sleep(60)' : 'select 1')
      return n
    },
  )
  const settled = handle.settled(['a', 'b', 'a'].map(message))
  await until(() => view.running('pg_sleep(60)'))
  expect(signals[0]?.aborted).toBe(true)
  controller.abort()
  expect(await settled).toMatchObject([
    { value: 0 },
    { status: 'rejected', reason: expect.any(JobAbortedError) },
    { value: 2 },
  ])
  expect(new Set(signals).size).toBe(3)
  await nothingLent()
})

test('a batch that is told to stop runs no further message', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const controller = new AbortController()
  const ran: number[] = []
  const handle = sharding.shardedBatch(
    ({ tenant }: Message) => ({ tenant, signal: controller.signal }),
    async ({ n }: Message) => {
      ran.push(n)
      if (n === 1) controller.abort()
      await sharding.db.raw('select 1')
    },
  )
  const outcomes = await handle.settled(['a', 'a', 'a', 'a'].map(message))
  expect(ran).toEqual([0, 1])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', ...Array(3).fill('rejected')])
  await nothingLent()
  expect((await handle.settled([message('c', 9)]))[0]).toMatchObject({ reason: expect.any(JobAbortedError) })
  expect(sharding.stats().shards['two']?.writing.total).toBe(0)
})

test('a message may go to other shards, and leaves nothing out there', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const handle = sharding.shardedBatch(tenantOf, ({ n }: Message) =>
    sharding.connectedTo('two', async () => {
      await sharding.db.raw('select 1')
      if (n === 0) throw new Error('no good')
    }),
  )
  await handle.settled(['a', 'b'].map(message))
  await nothingLent()
})
