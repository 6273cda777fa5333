import type { EndpointStats, RoleStats, Sharding } from '@sherd/core'
import { expect } from 'vitest'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { openSharding } from '../support/open-sharding.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

const url = await engine.createDatabase()

function open(pool: { max?: number; checkoutTimeoutMs?: number } = {}): Sharding {
  return openSharding({ one: { connection: url, pool: { max: 1, checkoutTimeoutMs: 5000, ...pool } } })
}

function statsOf(sharding: Sharding): RoleStats {
  return sharding.stats().shards['one']?.writing as RoleStats
}

function endpointOf(sharding: Sharding, holders = true): EndpointStats {
  return sharding.stats({ holders }).shards['one']?.writing.endpoints['one'] as EndpointStats
}

test('what callers wait and hold is measured, and counted', async () => {
  const sharding = open()
  const end = deferred<void>()
  const holder = sharding.connectedTo('one', () => end.promise)
  await until(() => statsOf(sharding).active === 1)
  const waiter = sharding.connectedTo('one', () => {})
  await until(() => statsOf(sharding).waiting === 1)
  const since = performance.now()
  await until(() => performance.now() - since >= 30)
  end.resolve()
  await Promise.all([holder, waiter])
  await until(() => statsOf(sharding).idle === 1)
  const { checkoutWaitMs, heldMs, ...counts } = statsOf(sharding)
  expect(counts).toMatchObject({ checkoutCount: 2, openedCount: 1, scrubCount: 2, rollbackCount: 0, live: 1 })
  expect(checkoutWaitMs.count).toBe(2)
  expect(checkoutWaitMs.max).toBeGreaterThanOrEqual(30)
  expect(heldMs.count).toBe(2)
  expect(heldMs.max).toBeGreaterThanOrEqual(30)
  expect(heldMs.p50).toBeLessThan(30)
})

test('who holds connections is named on request, without tenants, the oldest first', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 2 }, tenants: ['acme'] } })
  const end = deferred<void>()
  async function first(): Promise<void> {
    await end.promise
  }
  const held = [sharding.connectedTo('one', first)]
  await until(() => statsOf(sharding).active === 1)
  held.push(sharding.connectedToTenant('acme', () => end.promise))
  await until(() => endpointOf(sharding).holders?.length === 2)
  expect(endpointOf(sharding).holders?.map(({ holder }) => holder)).toEqual([
    'connectedTo(first)',
    'connectedTo()',
  ])
  expect(JSON.stringify(sharding.stats({ holders: true }))).not.toContain('acme')
  expect(endpointOf(sharding, false)).not.toHaveProperty('holders')
  end.resolve()
  await Promise.all(held)
})

test('callers that get nothing are counted by the reason', async () => {
  const sharding = open({ checkoutTimeoutMs: 500 })
  await sharding.connectedTo('one', async () => {
    await expect(sharding.connectedTo({ shard: 'one', separate: true }, () => {})).rejects.toThrow()
  })
  expect(statsOf(sharding)).toMatchObject({ timeoutCount: 1, shedCount: 0, checkoutCount: 1 })
  expect(statsOf(sharding).checkoutWaitMs.count).toBe(1)
})

test.needs('COUNTED_ROLLBACKS')(
  'L8: a transaction that is left open is rolled back, and counted',
  async () => {
    const sharding = open()
    await sharding.connectedTo('one', async () => {
      await sharding.db.transaction()
    })
    await until(() => statsOf(sharding).idle === 1)
    expect(statsOf(sharding).rollbackCount).toBe(1)
  },
)

test('the breaker says what it is, and since when', async () => {
  const sharding = open()
  expect(endpointOf(sharding).breaker).toEqual({ state: 'closed', since: null })
  const before = Date.now()
  {
    using _isolation = sharding.isolate('one')
    const { state, since } = endpointOf(sharding).breaker
    expect(state).toBe('isolated')
    expect(Date.parse(String(since))).toBeGreaterThanOrEqual(before)
  }
  expect(endpointOf(sharding).breaker.state).toBe('closed')
})

test.needs('SERVER')('no connection is left that the pool does not know, whatever became of it', async () => {
  const sharding = open({ max: 3 })
  const view = await ServerView.open(url)
  for (let round = 0; round < 5; round++) {
    await Promise.allSettled(
      [0, 1, 2].map((index) =>
        sharding.connectedTo('one', async () => {
          const pid = engine.rows(await sharding.db.raw(`select ${engine.sql.session} as pid`))[0].pid
          if (index === 0) await view.terminate(pid)
          await sharding.db.raw('select 1')
        }),
      ),
    )
    await until(() => {
      const { live, total, active } = statsOf(sharding)
      return live === total && active === 0
    })
  }
  const { openedCount, closedCounts, live } = statsOf(sharding)
  const closed = Object.values(closedCounts).reduce((sum, count) => sum + count, 0)
  expect(openedCount - closed).toBe(live)
  expect(closed).toBeGreaterThanOrEqual(5)
  await sharding.close()
  expect(statsOf(sharding)).toMatchObject({ live: 0, total: 0 })
})

test('a snapshot is plain data of its own', async () => {
  const sharding = open()
  await sharding.connectedTo('one', () => {})
  const snapshot = sharding.stats({ holders: true })
  const text = JSON.stringify(snapshot)
  expect(JSON.parse(text)).toEqual(snapshot)
  await sharding.connectedTo('one', () => {})
  expect(JSON.stringify(snapshot)).toBe(text)
})
