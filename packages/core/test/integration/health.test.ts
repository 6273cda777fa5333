import { startPostgres } from '@sherd/local-servers'
import { createDatabase } from '@sherd/local-servers/test-database'
import { bound, scaled } from '@sherd/local-servers/test-scale'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { startProxy } from '../../../fault-proxy/src/index.ts'
import { createSharding, type HealthReport, IdentityMismatchError, type Sharding } from '../../src/index.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'
import { warmUp } from '../support/warm-up.ts'

const server = await startPostgres()
afterAll(() => server.stop({ mode: 'immediate' }))
const [url, other] = [await createDatabase(), await createDatabase()]

function open(shards: Record<string, object>, pool = {}): Sharding {
  const config = { defaults: { client: 'pg', pool: { shedTargetMs: null, ...pool } }, shards }
  const sharding = createSharding({ config: config as never })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  return sharding
}

const ask = (sharding: Sharding, shard = 'one') =>
  sharding.connectedTo(shard, () => sharding.db.raw('select 1'))

/** Statuses and codes by shard: `{ one: ['degraded', 'WAITING'] }`. */
function outline({ shards }: HealthReport): Record<string, readonly string[]> {
  const lines = Object.entries(shards).map(([name, { status, warnings }]): [string, readonly string[]] => [
    name,
    [status, ...warnings.map(({ code }) => code)],
  ])
  return Object.fromEntries(lines)
}

/** Holds so many connections of a shard; let go, they come back. */
async function hold(sharding: Sharding, shard: string, count: number): Promise<() => Promise<void>> {
  const end = deferred()
  const held = Array.from({ length: count }, () => sharding.connectedTo(shard, () => end.promise))
  await until(() => sharding.stats().shards[shard]?.writing.active === count)
  return async () => {
    end.resolve()
    await Promise.all(held)
  }
}

test('without a probe no server is asked, and what nobody has used stays unopened', async () => {
  const proxy = await startProxy({ to: url })
  onTestFinished(() => proxy.close())
  const sharding = open({
    one: { connection: proxy.url },
    other: { connection: 'postgres://u@127.0.0.1:1/d' },
  })
  expect(outline(await sharding.health())).toEqual({ one: ['healthy'], other: ['healthy'] })
  expect(proxy.connections.opened).toBe(0)
})

test('a probe opens a connection where none is idle, and else asks the one that is', async () => {
  const sharding = open({ one: { connection: url } })
  const view = await ServerView.open(url)
  const first = await sharding.health({ probe: { maxAgeMs: 0 } })
  expect(outline(first)).toEqual({ one: ['healthy'] })
  expect(first.shards['one']?.responseTimeMs).toBeGreaterThan(0)
  const [session] = await view.sessions()
  for (const _ of [1, 2, 3]) await sharding.health({ probe: { maxAgeMs: 0 } })
  expect((await view.sessions()).map(({ pid }) => pid)).toEqual([session?.pid])
})

test('a saturated shard is degraded and named, the others are not; it recovers by itself', async () => {
  const sharding = open({ one: { connection: url }, other: { connection: other } }, { max: 2 })
  const letGo = await hold(sharding, 'one', 2)
  const waiting = ask(sharding)
  await until(() => sharding.stats().shards['one']?.writing.waiting === 1)
  for (const probe of [false, true]) {
    const report = await sharding.health({ probe })
    expect(report.status).toBe('degraded')
    expect(outline(report)).toEqual({
      one: ['degraded', ...(probe ? ['PROBE_SKIPPED'] : []), 'NONE_AVAILABLE', 'UTILIZATION_HIGH', 'WAITING'],
      other: ['healthy'],
    })
  }
  const lenient = { utilization: 100, waiting: 5 }
  expect(outline(await sharding.health({ thresholds: lenient }))['one']).toEqual([
    'degraded',
    'NONE_AVAILABLE',
  ])
  await letGo()
  await waiting
  await until(async () => (await sharding.health()).status === 'healthy')
})

test('fault 19: a dead server makes its shard unhealthy and no other; it recovers by itself', async () => {
  const sharding = open({ one: { connection: server.url }, other: { connection: other } })
  await Promise.all([ask(sharding), ask(sharding, 'other')])
  await server.halt({ mode: 'immediate' })
  const down = await sharding.health({ probe: { maxAgeMs: 0 } })
  expect(down.status).toBe('unhealthy')
  expect(down.shards['one']?.status).toBe('unhealthy')
  expect(down.shards['other']?.status).toBe('healthy')
  await until(async () => {
    await errorOf(() => ask(sharding))
    return (await sharding.health()).shards['one']?.breaker !== 'closed'
  })
  const known = await sharding.health()
  expect(known.shards['one']?.warnings[0]).toMatchObject({ endpoint: 'one', cause: expect.any(String) })
  expect(known.shards['other']?.status).toBe('healthy')
  await server.restart()
  await until(async () => (await sharding.health()).status === 'healthy')
})

test('a black hole: the probe is bounded, and no request of another shard or of this one is the later for it', async () => {
  const proxy = await startProxy({ to: url })
  onTestFinished(() => proxy.close())
  const sharding = open(
    { one: { connection: proxy.url }, other: { connection: other } },
    { max: 4, pingAfterIdleMs: null },
  )
  const letGo = await hold(sharding, 'one', 2)
  await letGo()
  await until(() => sharding.stats().shards['one']?.writing.idle === 2)
  await ask(sharding, 'other')
  const hole = proxy.blackHole({ connections: 'open', directions: ['toClient'] })
  const since = performance.now()
  const report = sharding.health({ probe: { timeoutMs: 200 } })
  for (let i = 0; i < 20; i++) await ask(sharding, 'other')
  expect((await report).shards['one']).toMatchObject({ status: 'unhealthy', responseTimeMs: null })
  expect((await report).shards['other']?.status).toBe('healthy')
  expect(performance.now() - since).toBeLessThan(bound(300))
  hole.heal()
  await ask(sharding)
  await until(async () => (await sharding.health({ probe: { maxAgeMs: 0 } })).status === 'healthy')
})

test('a probe that hangs keeps nobody waiting who asks meanwhile', async () => {
  const proxy = await startProxy({ to: url })
  onTestFinished(() => proxy.close())
  const sharding = open({ one: { connection: proxy.url, pool: { pingTimeoutMs: 60_000 } } }, { max: 2 })
  await warmUp(sharding)
  // Only the connection that is idle now answers no more.
  const hole = proxy.blackHole({ connections: 'open' })
  onTestFinished(() => hole.heal())
  const report = sharding.health({ probe: { timeoutMs: 100 } })
  const since = performance.now()
  await ask(sharding)
  expect(performance.now() - since).toBeLessThan(bound(200))
  expect(outline(await report)['one']?.slice(0, 2)).toEqual(['unhealthy', 'PROBE_FAILED'])
})

test('the last connection that a pool could lend is never asked', async () => {
  const single = open({ one: { connection: url } }, { max: 1 })
  expect(outline(await single.health({ probe: true }))).toEqual({ one: ['healthy', 'PROBE_SKIPPED'] })
  expect(single.stats().shards['one']?.writing.total).toBe(0)
  await warmUp(single)
  expect(outline(await single.health({ probe: { maxAgeMs: 0 } }))).toEqual({
    one: ['healthy', 'PROBE_SKIPPED'],
  })

  const pair = open({ one: { connection: other } }, { max: 2 })
  const letGo = await hold(pair, 'one', 1)
  expect(outline(await pair.health({ probe: true }))).toEqual({ one: ['healthy', 'PROBE_SKIPPED'] })
  expect(pair.stats().shards['one']?.writing.total).toBe(1)
  await letGo()
})

test('a probe closes no connection of another pool for its own', async () => {
  const sharding = createSharding({
    config: {
      limits: { maxOpenPools: 1 },
      defaults: { client: 'pg' },
      shards: { one: { connection: url }, other: { connection: other } },
    },
  })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  const view = await ServerView.open(url)
  await warmUp(sharding)
  const before = await view.sessions()
  expect(outline(await sharding.health({ probe: true }))).toEqual({
    one: ['healthy'],
    other: ['healthy', 'PROBE_SKIPPED'],
  })
  expect((await view.sessions()).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid))
})

test('a flood of questions is one round of probes, and opens no more connections than one question', async () => {
  const count = scaled(1000)
  const proxy = await startProxy({ to: url })
  onTestFinished(() => proxy.close())
  const sharding = open({ one: { connection: proxy.url } }, { max: 20 })
  const flood = () =>
    Promise.all(Array.from({ length: count }, () => sharding.health({ probe: { maxAgeMs: 0 } })))
  for (const _ of [1, 2]) {
    const reports = await flood()
    expect(new Set(reports.map(({ status }) => status))).toEqual(new Set(['healthy']))
  }
  expect(proxy.connections.opened).toBe(1)
})

test('answers are used again for as long as they are told to keep', async () => {
  const proxy = await startProxy({ to: url })
  onTestFinished(() => proxy.close())
  const sharding = open({ one: { connection: proxy.url } })
  await sharding.health({ probe: true })
  const hole = proxy.blackHole()
  onTestFinished(() => hole.heal())
  expect((await sharding.health({ probe: { maxAgeMs: 60_000 } })).status).toBe('healthy')
  expect((await sharding.health({ probe: { maxAgeMs: 0, timeoutMs: 100 } })).status).toBe('unhealthy')
})

test('all probes together are bounded, whatever the number of shards, and each server has its turn', async () => {
  const proxy = await startProxy({ to: url })
  onTestFinished(() => proxy.close())
  const hole = proxy.blackHole()
  onTestFinished(() => hole.heal())
  const shards = Object.fromEntries(
    Array.from({ length: 80 }, (_, index) => [`s${index}`, { connection: proxy.url }]),
  )
  const sharding = open(shards)
  const asked = new Set<string>()
  for (let round = 0; round < 3; round++) {
    const since = performance.now()
    const report = await sharding.health({ probe: { timeoutMs: 200, maxAgeMs: 0 } })
    expect(performance.now() - since).toBeLessThan(bound(300))
    for (const [name, { warnings }] of Object.entries(report.shards)) {
      if (warnings.some(({ code }) => code === 'PROBE_FAILED' || code === 'BREAKER_OPEN')) asked.add(name)
      else expect(warnings.map(({ code }) => code)).toContain('PROBE_SKIPPED')
    }
  }
  expect(asked.size).toBe(80)
})

test('fault 26: an address that leads to another database is told of, and no more once it leads back', async () => {
  const database = await createDatabase()
  const sharding = open({ one: { connection: database, identity: 'one' } })
  await runSql(
    database,
    "create table sherd_identity (identity text); insert into sherd_identity values ('two')",
  )
  expect((await errorOf(() => ask(sharding))).cause).toBeInstanceOf(IdentityMismatchError)
  expect(outline(await sharding.health())).toEqual({ one: ['unhealthy', 'IDENTITY_MISMATCH'] })
  await runSql(database, "update sherd_identity set identity = 'one'")
  await until(async () => (await sharding.health({ probe: { maxAgeMs: 0 } })).status === 'healthy')
})

test('a shard that is isolated by hand is told of, and its server is not asked', async () => {
  const sharding = open({ one: { connection: url }, other: { connection: other } })
  using _ = sharding.isolate('one')
  expect(outline(await sharding.health({ probe: true }))).toEqual({
    one: ['unhealthy', 'ISOLATED'],
    other: ['healthy'],
  })
  expect(sharding.stats().shards['one']?.writing.total).toBe(0)
})

test('options that make no sense are refused', async () => {
  const sharding = open({ one: { connection: url } })
  await expect(sharding.health({ probe: { timeoutMs: 0 } })).rejects.toThrow(TypeError)
  await expect(sharding.health({ thresholds: { waiting: -1 } })).rejects.toThrow(/thresholds\.waiting/)
})
