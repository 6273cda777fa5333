import type { IncomingMessage } from 'node:http'
import {
  FanOutCancelledError,
  FanOutIncompleteError,
  FanOutTimeoutError,
  ShardUnavailableError,
} from '@sherd/core'
import { bindNodeRequest } from '@sherd/core/adapter'
import { bound } from '@sherd/local-servers/test-scale'
import { expect, test } from 'vitest'
import { serve } from '../adapter/serve.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { until } from '../support/until.ts'
import { NOWHERE, openShards } from './open-shards.ts'

const SHARDS = 64
const SLOW = 'shard_20'
const DEAD = 'shard_40'
const TOTAL_MS = 5000

function open() {
  return openShards({
    count: SHARDS,
    pool: { max: 2, idleTimeoutMs: 100 },
    shard: (number) => (`shard_${number}` === DEAD ? { connection: NOWHERE } : {}),
  })
}

for (const onFailure of ['continue', 'cancel'] as const) {
  test(`fault 20: of 64 shards one is slow and one dead, all are needed: it ends in time and names both (${onFailure})`, {
    timeout: 60_000,
  }, async () => {
    const { sharding, running, nothingBusy } = await open()
    const started = performance.now()
    const error = await errorOf(() =>
      sharding.fanOut({ onFailure, totalTimeoutMs: TOTAL_MS, concurrency: 8 }, ({ shard }) =>
        sharding.db.raw(shard === SLOW ? 'select pg_sleep(60)' : 'select 1'),
      ),
    )
    expect(performance.now() - started).toBeLessThan(bound(TOTAL_MS + 50))
    expect(error).toBeInstanceOf(FanOutIncompleteError)
    expect(error.message).toMatch(SLOW)
    expect(error.message).toMatch(DEAD)
    const { outcomes } = (error as FanOutIncompleteError).result
    const reasons = new Map(
      outcomes.flatMap((each) => (each.status === 'rejected' ? [[each.shard, each.reason]] : [])),
    )
    expect(reasons.get(DEAD)).toBeInstanceOf(ShardUnavailableError)
    expect(reasons.get(SLOW)).toBeInstanceOf(
      onFailure === 'continue' ? FanOutTimeoutError : FanOutCancelledError,
    )
    if (onFailure === 'continue') expect([...reasons.keys()]).toEqual([SLOW, DEAD])
    await until(async () => (await running('pg_sleep')) === 0)
    await nothingBusy()
  })
}

test('fault 20: of 64 shards one is slow and one dead, and a part is enough: 62 answer, both are named', {
  timeout: 60_000,
}, async () => {
  const { sharding, running, nothingBusy } = await open()
  const options = { mode: 'partial', shardTimeoutMs: 500, concurrency: 8 } as const
  const { metadata, outcomes } = await sharding.fanOut(options, ({ shard }) =>
    sharding.db.raw(shard === SLOW ? 'select pg_sleep(60)' : 'select 1'),
  )
  expect(metadata).toEqual({ totalShards: 64, successfulShards: 62, failedShards: 2, completeness: 96.87 })
  expect(outcomes.flatMap(({ shard, status }) => (status === 'rejected' ? [shard] : []))).toEqual([
    SLOW,
    DEAD,
  ])
  await until(async () => (await running('pg_sleep')) === 0)
  await nothingBusy()
})

for (const max of [1, 2, 3, 5, 10]) {
  test(`fault 21: ${max} requests that hold all ${max} connections of their shard ask all shards at once`, async () => {
    const { sharding, busy, nothingBusy } = await openShards({ count: 6, pool: { max } })
    const { db } = sharding
    const allHold = deferred()
    let holding = 0
    const options = { sharding, tenant: { header: 'x-tenant-id' }, allowFanOut: true }
    const { port } = await serve((req: IncomingMessage, res) =>
      bindNodeRequest(req, res, options, async () => {
        await db.raw('select 1')
        if (++holding === max) allHold.resolve()
        await allHold.promise
        const result = await sharding
          .connectedToAllShards(async () => (await db.raw('select pg_backend_pid() as pid')).rows[0].pid)
          .catch((error) => error)
        const own = (await db.raw('select pg_backend_pid() as pid')).rows[0].pid
        res.end(
          JSON.stringify([
            result.metadata?.completeness ?? result.message,
            result.outcomes?.[0]?.value === own,
          ]),
        )
      }),
    )
    const started = performance.now()
    const answers = await Promise.all(
      Array.from({ length: max }, async () =>
        (await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-tenant-id': 'tenant-0' } })).json(),
      ),
    )
    expect(answers).toEqual(Array(max).fill([100, true]))
    // Nobody has waited until a checkout timed out.
    expect(performance.now() - started).toBeLessThan(2000)
    await nothingBusy()
    expect(busy()).toBe(0)
    for (const { writing } of Object.values(sharding.stats().shards))
      expect(writing.total).toBeLessThanOrEqual(max)
  })
}

test('fault 21: requests that hold one connection each of shards that the others want end in time', async () => {
  const { sharding, nothingBusy } = await openShards({ count: 3, pool: { max: 1, checkoutTimeoutMs: 300 } })
  const allHold = deferred()
  let holding = 0
  const started = performance.now()
  const ends = await Promise.all(
    [0, 1, 2].map((number) =>
      sharding.connectedTo(`shard_${number}`, async () => {
        if (++holding === 3) allHold.resolve()
        await allHold.promise
        const run = sharding.fanOut({ totalTimeoutMs: 1000 }, () => sharding.db.raw('select 1'))
        return run.catch((error: unknown) => error)
      }),
    ),
  )
  expect(performance.now() - started).toBeLessThan(bound(1050))
  // Whoever gives up first lets others through; nobody is left waiting, and nobody is told less than all.
  for (const end of ends) {
    if (!(end instanceof FanOutIncompleteError))
      expect(end).toMatchObject({ metadata: { completeness: 100 } })
  }
  await nothingBusy()
})

test("fault 21: nor do they get in one another's way when they hold nothing", async () => {
  const { sharding, nothingBusy } = await openShards({ count: 3, pool: { max: 1 } })
  const started = performance.now()
  await Promise.all(
    Array.from({ length: 9 }, (_, number) =>
      sharding.connectedTo({ shard: `shard_${number % 3}`, checkout: 'lazy' }, () =>
        sharding.connectedToAllShards(() => sharding.db.raw('select 1')),
      ),
    ),
  )
  expect(performance.now() - started).toBeLessThan(2000)
  await nothingBusy()
})
