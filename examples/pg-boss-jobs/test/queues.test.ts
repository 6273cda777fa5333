import { connectedTo, connectedToTenant, db, setDefaultSharding } from '@sherd/core'
import { createTestSharding } from '@sherd/core/testing'
import { createDatabase } from '@sherd/local-servers/test-database'
import type PgBoss from 'pg-boss'
import { afterAll, beforeAll, beforeEach, expect, inject, test, vi } from 'vitest'
import { finished } from '../src/finished.ts'
import { migrations } from '../src/migrate.ts'
import { makeReport, type ReadingJob, requestReport, startWorkers } from '../src/queues.ts'
import { startBoss } from '../src/start-boss.ts'

const server = inject('postgresUrl')
const sharding = await createTestSharding({
  env: { ...process.env, SHARD_0_DATABASE_URL: server, SHARD_1_DATABASE_URL: server },
  prepare: (db) => db.migrate.latest(migrations),
})
setDefaultSharding(sharding)
afterAll(() => sharding.close())
const started = await startBoss(await createDatabase())
const { boss } = started
afterAll(() => started[Symbol.asyncDispose]())
beforeAll(() => startWorkers(boss))
beforeEach(async () => {
  for (const shard of sharding.shardNames) await connectedTo(shard, () => db.raw('truncate readings'))
})

const lent = () =>
  Object.values(sharding.stats().shards).reduce((sum, { writing }) => sum + writing.active, 0)

async function outcomes(jobs: readonly ReadingJob[]): Promise<PgBoss.JobWithMetadata[]> {
  const ids = await Promise.all(jobs.map((data) => boss.send('readings', data, { retryLimit: 0 })))
  return Promise.all(ids.map((id) => finished(boss, 'readings', id as string)))
}

test('readings are stored on the shards of their tenants, and those that fail fail alone', async () => {
  const results = await outcomes([
    { tenant: 'acme', value: 1 },
    { tenant: 'nobody', value: 2 },
    { tenant: 'initech', value: 3 },
    { tenant: 'globex', value: 0.5 },
    { tenant: undefined as never, value: 5 },
    { tenant: 'globex', value: 6 },
  ])
  expect(results.map(({ state }) => state)).toEqual([
    'completed',
    'failed',
    'completed',
    'failed',
    'failed',
    'completed',
  ])
  expect(results[1]?.output).toMatchObject({ name: 'TenantUnknownError' })
  expect(results[3]?.output).toMatchObject({ message: '0.5 is no reading.' })
  expect(results[4]?.output).toMatchObject({ name: 'TenantMissingError' })
  const rowsOf = (shard: string) =>
    connectedTo(shard, () => db('readings').select('tenant', 'value').orderBy('value'))
  expect(await rowsOf('shard_0')).toEqual([
    { tenant: 'acme', value: 1 },
    { tenant: 'globex', value: 6 },
  ])
  expect(await rowsOf('shard_1')).toEqual([{ tenant: 'initech', value: 3 }])
  await vi.waitFor(() => expect(lent()).toBe(0))
})

test('a report is made where it was asked for', async () => {
  await outcomes([
    { tenant: 'acme', value: 1 },
    { tenant: 'acme', value: 2 },
    { tenant: 'globex', value: 4 },
  ])
  const id = await connectedToTenant('acme', () => requestReport(boss))
  expect((await finished(boss, 'reports', id as string)).output).toEqual({
    tenant: 'acme',
    shard: 'shard_0',
    count: 2,
    sum: 3,
  })
})

test('a report that pg-boss has given up is stopped on the server, and its connection comes back', async () => {
  const options = { expireInSeconds: 1, retryLimit: 0 }
  const id = await connectedToTenant('initech', () => requestReport(boss, { seconds: 60 }, options))
  expect((await finished(boss, 'reports', id as string)).state).toBe('failed')
  await vi.waitFor(() => expect(lent()).toBe(0))
  const { rows } = await connectedTo('shard_1', () =>
    db.raw(`select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'`),
  )
  expect(rows).toEqual([])
})

test.each([
  ['none', undefined, 'TenantMissingError'],
  ['half a token', { tenant: 'acme', locked: false }, 'TypeError'],
  ['a token of nobody', { tenant: 'nobody', shard: 'shard_0' }, 'TenantUnknownError'],
])('a report asked for with %s is not made', async (_, scope, name) => {
  const data = { scope: scope && { role: 'writing', preventWrites: false, locked: false, ...scope } }
  const broken = name === 'TypeError' ? { scope } : data
  const job = { id: '1', name: 'reports', expireInSeconds: 5, data: broken } as never
  await expect(makeReport([job])).rejects.toMatchObject({ name })
  await expect(makeReport([])).rejects.toMatchObject({ name: 'TenantMissingError' })
})
