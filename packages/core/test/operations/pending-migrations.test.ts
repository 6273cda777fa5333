import { createDatabase } from '@sherd/local-servers/test-database'
import { bound } from '@sherd/local-servers/test-scale'
import { expect, test } from 'vitest'
import type { Sharding } from '../../src/index.ts'
import { errorOf } from '../support/error-of.ts'
import { makes, migrationSource } from '../support/migration-source.ts'
import { openSharding } from '../support/open-sharding.ts'
import { ServerView } from '../support/server-view.ts'

const [url, other] = [await createDatabase(), await createDatabase()]
const knex = { migrations: { migrationSource: migrationSource({ '1': makes('one'), '2': makes('two') }) } }

const warningsOf = async (sharding: Sharding, shard: string, limits: object = {}) => {
  const { shards } = await sharding.health({ migrations: { timeoutMs: 10_000, ...limits } })
  return shards[shard]?.warnings.map(({ code, message }) => `${code} ${message}`)
}

test('a shard on which migrations have not run is degraded, if that is asked', async () => {
  const sharding = openSharding({ a: { connection: url }, b: { connection: other } }, { knex })
  expect((await sharding.health({ probe: true })).status).toBe('healthy')
  await sharding.migrate.latest({ shards: ['b'] })
  const { status, shards } = await sharding.health({ migrations: { timeoutMs: 10_000 } })
  expect(status).toBe('degraded')
  expect(shards['a']).toMatchObject({
    status: 'degraded',
    warnings: [{ code: 'MIGRATIONS_PENDING', endpoint: 'a', message: 'a: 2 migrations have not run' }],
  })
  expect(shards['b']).toMatchObject({ status: 'healthy', warnings: [] })
})

test('each shard is asked once in a while, and anew after a run', async () => {
  const sharding = openSharding({ a: { connection: url } }, { knex })
  let queries = 0
  sharding.db.on('query', () => queries++)
  const pending = ['MIGRATIONS_PENDING a: 2 migrations have not run']
  const both = await Promise.all([warningsOf(sharding, 'a'), warningsOf(sharding, 'a')])
  expect(both).toEqual([pending, pending])
  const once = queries
  expect(await warningsOf(sharding, 'a')).toEqual(pending)
  expect(queries).toBe(once)
  await warningsOf(sharding, 'a', { maxAgeMs: 0 })
  expect(queries).toBe(2 * once)
  await sharding.migrate.latest()
  expect(await warningsOf(sharding, 'a')).toEqual([])
})

test('is over by its limit, leaves nothing on the server, and never takes the last connection', async () => {
  const sharding = openSharding({ b: { connection: other, pool: { max: 2 } } }, { knex })
  await sharding.migrate.latest()
  // A transaction sees the sessions that there were when it first looked.
  const [view, locker] = [await ServerView.open(other), await ServerView.open(other)]
  await locker.query('begin')
  await locker.query('lock table knex_migrations')
  const startedAt = performance.now()
  expect(await warningsOf(sharding, 'b', { timeoutMs: 100 })).toEqual([])
  expect(performance.now() - startedAt).toBeLessThan(bound(120))
  const isAsked = ({ query, state }: { query: string; state: string }) =>
    query.includes('knex_migrations') && state === 'active'
  await expect.poll(async () => (await view.sessions()).filter(isAsked)).toEqual([])
  await expect.poll(() => sharding.stats().shards['b']?.writing.active).toBe(0)
  await locker.query('rollback')
  await sharding.connectedTo('b', async () => {
    const before = sharding.stats().shards['b']?.writing.checkoutCount
    expect(before).toBeGreaterThan(0)
    expect(await warningsOf(sharding, 'b')).toEqual([])
    expect(sharding.stats().shards['b']?.writing.checkoutCount).toBe(before)
  })
})

test('options that make no sense, and folders that are not there', async () => {
  const sharding = openSharding({ a: { connection: url, migrations: { directory: '/no/such/folder' } } })
  const health = (migrations: object) => errorOf(() => sharding.health({ migrations }))
  expect((await health({ timeoutMs: 0 })).message).toContain(
    'migrations.timeoutMs must be a number from 1 on',
  )
  expect((await health({ maxAgeMs: -1 })).message).toContain('migrations.maxAgeMs must be a number from 0 on')
  expect((await health({})).message).toContain('cannot be read: /no/such/folder')
})
