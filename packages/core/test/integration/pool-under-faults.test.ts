import { createDatabase } from '@sherd/local-servers/test-database'
import { bound } from '@sherd/local-servers/test-scale'
import { expect, onTestFinished, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { barrier } from '../support/barrier.ts'
import { openSharding } from '../support/open-sharding.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

const url = await createDatabase()

function statsOf(sharding: ReturnType<typeof openSharding>) {
  return sharding.stats().shards['one']?.writing
}

/** As a query that computes for long, or a garbage collector, does. */
function blockLoop(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('a spike of 50 on a pool of 5 ends with at most the connections that were allowed to be opened at once', async () => {
  const connectConcurrency = 4
  const sharding = openSharding({
    one: {
      connection: url,
      scrub: 'never',
      pool: { min: 5, max: 50, connectConcurrency },
      // HikariCP's scenario: connecting takes 150 ms.
      afterCreate: (connection) => connection.query('select pg_sleep(0.15)'),
    },
  })
  const { db } = sharding
  await sharding.connectedTo('one', () => db.raw('select 1'))
  await until(() => statsOf(sharding)?.idle === 5)
  const query = () => sharding.connectedTo('one', () => db.raw('select pg_sleep(0.002)'))
  await Promise.all(Array.from({ length: 50 }, query))
  await new Promise((resolve) => setTimeout(resolve, 400))
  expect(statsOf(sharding)?.total).toBeGreaterThanOrEqual(5)
  expect(statsOf(sharding)?.total).toBeLessThanOrEqual(5 + connectConcurrency)
})

test('fault 12: connections that the server ends are replaced up to min, and no query sees it', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { min: 4, max: 4 } } })
  const { db } = sharding
  const view = await ServerView.open(url)
  await sharding.connectedTo('one', () => db.raw('select 1'))
  await until(() => statsOf(sharding)?.idle === 4)
  const pids = (await view.sessions()).map(({ pid }) => pid)
  for (const pid of pids) await view.terminate(pid)
  await until(async () => {
    const now = (await view.sessions()).map(({ pid }) => pid)
    return now.length === 4 && now.every((pid) => !pids.includes(pid))
  })
  for (let count = 0; count < 8; count++) await sharding.connectedTo('one', () => db.raw('select 1'))
})

test('fault 10: a session that stands still at rest is found out by a ping, and the caller gets another', async () => {
  const sharding = openSharding({
    one: { connection: url, pool: { max: 2, pingAfterIdleMs: 20, pingTimeoutMs: 100 } },
  })
  const { db } = sharding
  const pid = await sharding.connectedTo('one', () => backendPid(db))
  process.kill(pid, 'SIGSTOP')
  onTestFinished(() => void process.kill(pid, 'SIGCONT'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  const since = performance.now()
  expect(await sharding.connectedTo('one', () => backendPid(db))).not.toBe(pid)
  expect(performance.now() - since).toBeLessThan(bound(100 + 50))
})

test('fault 25: an event loop that was blocked costs no connection, whatever was going on', async () => {
  const sharding = openSharding({
    one: { connection: url, pool: { min: 3, max: 4, checkoutTimeoutMs: 2000, pingAfterIdleMs: 100 } },
  })
  const { db } = sharding
  const view = await ServerView.open(url)
  const everybody = barrier(3)
  await Promise.all([1, 2, 3].map(() => sharding.connectedTo('one', () => everybody())))
  await until(() => statsOf(sharding)?.idle === 3)
  const before = (await view.sessions()).map(({ pid }) => pid).sort()
  // One query on the wire, one scrub, one ping, one attempt to connect.
  const running = sharding.connectedTo('one', () => db.raw('select pg_sleep(0.2)'))
  await sharding.connectedTo('one', () => db.raw('select 1'))
  await new Promise((resolve) => setTimeout(resolve, 120))
  const pinged = [1, 2].map(() => sharding.connectedTo('one', () => backendPid(db)))
  const patient = { shard: 'one', checkoutTimeoutMs: 30_000 }
  const opened = sharding.connectedTo(patient, () => backendPid(db))
  await new Promise(setImmediate)
  blockLoop(3000)
  await Promise.all([running, opened, ...pinged])
  expect((await view.sessions()).map(({ pid }) => pid)).toEqual(expect.arrayContaining(before))
})

test('fault 18: a tenant has no more than its share, and its neighbour does not wait for it', async () => {
  const sharding = openSharding({
    one: { connection: url, pool: { max: 3, perTenantMax: 2 }, tenants: ['hot', 'cold'] },
  })
  const { db } = sharding
  const [inside, finish] = [barrier(3), barrier(3)]
  const hot = [1, 2].map(() =>
    sharding.connectedToTenant('hot', async () => {
      await inside()
      await finish()
    }),
  )
  await inside()
  const third = sharding.connectedToTenant('hot', () => backendPid(db))
  await until(() => statsOf(sharding)?.waiting === 1)
  for (let count = 0; count < 5; count++) await sharding.connectedToTenant('cold', () => backendPid(db))
  expect(statsOf(sharding)?.waiting).toBe(1)
  // Its scrub comes to an end.
  await until(() => statsOf(sharding)?.active === 2)
  await finish()
  await Promise.all([...hot, third])
})
