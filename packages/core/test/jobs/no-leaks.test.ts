import { ScopeLockedError, shardedJob } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { openTenants } from './open-tenants.ts'

const databases = { one: await createDatabase(), two: await createDatabase() }

/** A worker as queues have them: one loop, started once, that takes one job after another. */
function startWorker<T, R>(job: (data: T) => Promise<R>) {
  let next = deferred<{ data: T; answer(result: Promise<R>): void }>()
  void (async () => {
    for (;;) {
      const { data, answer } = await next.promise
      next = deferred()
      const result = job(data)
      answer(result)
      await result.catch(() => {})
    }
  })()
  return (data: T) => new Promise<R>((answer) => next.resolve({ data, answer }))
}

test('S1: nothing of a job is left for the next on the same worker', async () => {
  const { sharding } = openTenants(databases, { max: 1 })
  const { db } = sharding
  const work = startWorker(
    sharding.shardedJob(
      ({ tenant }: { tenant: string; isFailing?: boolean }) => tenant,
      async ({ isFailing = false }) => {
        const { rows } = await db.raw(`select current_setting('app.tenant', true) as left_behind`)
        await db.raw(`select set_config('app.tenant', ?, false)`, [`${sharding.requireScope().tenant}`])
        if (isFailing) throw new Error('failed')
        return [rows[0].left_behind, sharding.requireScope().tenant]
      },
    ),
  )
  expect(await work({ tenant: 'a' })).toEqual([null, 'a'])
  await errorOf(() => work({ tenant: 'b', isFailing: true }))
  const [left, tenant] = await work({ tenant: 'a' })
  // A custom setting that was reset is the empty text.
  expect([left || null, tenant]).toEqual([null, 'a'])
  expect(sharding.currentScope()).toBeUndefined()
})

test('S1: a worker that was started in a scope runs its jobs in none of it', async () => {
  const { sharding, lent, nothingLent } = openTenants(databases)
  const { db } = sharding
  const start = () =>
    startWorker(
      shardedJob(
        (tenant: string) => tenant,
        async () => [sharding.requireScope(), await backendPid(db), lent()] as const,
      ),
    )
  const open = { role: 'writing', preventWrites: false, locked: false }

  await sharding.connectedTo({ tenant: 'b', preventWrites: true }, async () => {
    const work = start()
    const own = await backendPid(db)
    const [scope, pid, during] = await work('a')
    expect(scope).toEqual({ shard: 'one', tenant: 'a', ...open })
    expect(pid).not.toBe(own)
    expect(during).toBe(2)
  })
  await nothingLent()

  const ofEnded = await sharding.connectedTo({ shard: 'one', role: 'reading' }, () => [start()])
  for (const [tenant, shard] of [
    ['b', 'one'],
    ['c', 'two'],
  ] as const) {
    const [scope] = await (ofEnded[0] as (data: string) => Promise<readonly unknown[]>)(tenant)
    expect(scope).toEqual({ shard, tenant, ...open })
  }
})

test('S1: a job for a whole shard has no tenant, not even that of the scope around', async () => {
  const { sharding } = openTenants(databases)
  const job = sharding.shardedJob(
    () => ({ shard: 'one' }),
    () => sharding.requireScope().tenant,
  )
  expect(await sharding.connectedToTenant('b', () => job())).toBeUndefined()
})

test('a job called inside a transaction is no part of it', async () => {
  const { sharding } = openTenants(databases)
  const { db } = sharding
  await sharding.connectedTo('one', () => db.raw('create table own_work (id int)'))
  const job = sharding.shardedJob(
    () => 'a',
    () => db('own_work').insert({ id: 1 }),
  )
  await sharding.connectedToTenant('a', () =>
    db
      .transaction(async () => {
        await job()
        throw new Error('roll back')
      })
      .catch(() => {}),
  )
  expect(await sharding.connectedTo('one', () => db('own_work'))).toEqual([{ id: 1 }])
})

test('S4: the lock of the scope around holds for jobs and batches, too', async () => {
  const { sharding } = openTenants(databases)
  const job = sharding.shardedJob(
    (target: string | { shard: string }) => target,
    () => sharding.currentScope(),
  )
  const batch = sharding.shardedBatch(
    (tenant: string) => tenant,
    () => sharding.currentScope(),
  )
  await sharding.connectedTo({ tenant: 'a', lock: true }, async () => {
    const own = { shard: 'one', tenant: 'a', role: 'writing', preventWrites: false, locked: true }
    expect(await job('a')).toEqual(own)
    expect(await job({ shard: 'one' })).toEqual(own)
    for (const other of ['b', 'c', 'nobody', { shard: 'two' }])
      expect(await errorOf(() => job(other))).toBeInstanceOf(ScopeLockedError)
    const outcomes = await batch.settled(['a', 'b', 'c'])
    expect(outcomes).toMatchObject([{ value: own }, { status: 'rejected' }, { status: 'rejected' }])
    for (const { reason } of outcomes.slice(1) as { reason: unknown }[])
      expect(reason).toBeInstanceOf(ScopeLockedError)
    expect(await sharding.unlocked(() => job('c'))).toMatchObject({ tenant: 'c' })
  })
})

test('S4: the lock of a scope of another Sharding holds as well', async () => {
  const [first, second] = [openTenants(databases).sharding, openTenants(databases).sharding]
  const job = second.shardedJob(
    () => 'a',
    () => expect.unreachable(),
  )
  await first.connectedTo({ tenant: 'a', lock: true }, async () => {
    expect(await errorOf(() => job())).toBeInstanceOf(ScopeLockedError)
  })
})

test('S1: concurrent jobs never see each other', async () => {
  const { sharding, nothingLent } = openTenants(databases)
  const { db } = sharding
  await sharding.connectedTo('one', () => db.raw('create table if not exists concurrent_jobs (tenant text)'))
  await sharding.connectedTo('two', () => db.raw('create table if not exists concurrent_jobs (tenant text)'))
  const job = sharding.shardedJob(
    async (tenant: string) => tenant,
    async (tenant: string, index: number) => {
      await db('concurrent_jobs').insert({ tenant: sharding.requireScope().tenant })
      if (index % 10 === 0) throw new Error('failed')
      return [tenant, sharding.requireScope().tenant, sharding.requireScope().shard]
    },
  )
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, (_, index) => job(['a', 'b', 'c'][index % 3] as string, index)),
  )
  for (const result of results) {
    if (result.status === 'rejected') continue
    const [asked, got, shard] = result.value
    expect([got, shard]).toEqual([asked, asked === 'c' ? 'two' : 'one'])
  }
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(10)
  await nothingLent()
  const rows = await sharding.connectedTo('two', () => db('concurrent_jobs').distinct('tenant'))
  expect(rows).toEqual([{ tenant: 'c' }])
})
