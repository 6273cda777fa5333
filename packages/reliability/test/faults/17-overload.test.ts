import { bound, isLong } from '@sherd/local-servers/test-scale'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { arriving } from './support/arriving.ts'
import type { Answer } from './support/client.ts'
import { test } from './support/fault-test.ts'
import { Load } from './support/load.ts'
import { percentile } from './support/percentile.ts'

const CONNECTIONS = 3
const QUERY_MS = 50
/** What is served has waited for twice the target at most. */
const SHED_TARGET_MS = 100
/** Requests a second that it can bear at most. */
const LIMIT = (CONNECTIONS * 1000) / QUERY_MS
const SECONDS = isLong ? 20 : 1.5
/** The share of what the database can bear that is still served; a short run on a busy machine sees it less clearly. */
const SHARE = isLong ? 0.9 : 0.5
/** In which the first come to wait in vain, and the queue is found out to stand. */
const WARM_UP_SECONDS = 3

const pool = {
  max: CONNECTIONS,
  checkoutTimeoutMs: 800,
  shedTargetMs: SHED_TARGET_MS,
  shedIntervalMs: 300,
} as const

test('fault 17: under 2, 5 and 10 times the load that it can bear, the database serves as much as it can', {
  timeout: 300_000,
}, async ({ set }) => {
  const stage = await set({
    pool,
    routes: (db) => ({ '/': async () => (await db.raw(`select pg_sleep(${QUERY_MS / 1000})`)).rows.length }),
  })
  const ask = () => stage.ask('/')
  const capacity = await capacityOf(ask)
  for (const times of [2, 5, 10]) {
    const answers = await arriving({
      perSecond: LIMIT * times,
      warmUpSeconds: WARM_UP_SECONDS,
      seconds: SECONDS,
      ask,
    })
    const share = goodput(answers, SECONDS) / capacity
    expect(share, `${times} times ${Math.round(capacity)} a second`).toBeGreaterThanOrEqual(SHARE)
    record(17, {
      name: `load ${times}x`,
      measured: 100 * share,
      figure: 90,
      unit: '% of capacity served',
      met: share >= 0.9,
    })
  }
})

test('fault 17: a database that gets ten times slower sheds what it cannot serve, and no circuit opens', {
  timeout: 300_000,
}, async ({ set }) => {
  let queryMs = QUERY_MS / 10
  const stage = await set({
    pool,
    routes: (db) => ({ '/': async () => (await db.raw(`select pg_sleep(${queryMs / 1000})`)).rows.length }),
  })
  const ask = () => stage.ask('/')
  // It bears that as it is, and less than half of it then.
  const perSecond = 2.5 * LIMIT
  const before = await arriving({ perSecond, seconds: 1, ask })
  expect(before.map(({ status }) => status)).toContain(200)
  queryMs = QUERY_MS
  const capacity = await capacityOf(ask)
  const answers = await arriving({ perSecond, warmUpSeconds: WARM_UP_SECONDS, seconds: SECONDS, ask })
  const share = goodput(answers, SECONDS) / capacity
  expect(share).toBeGreaterThanOrEqual(SHARE)
  record(17, {
    name: 'ten times slower',
    measured: 100 * share,
    figure: 90,
    unit: '% of capacity served',
    met: share >= 0.9,
  })
})

/** Requests a second that are served when there are always some, but not many, in the queue. */
async function capacityOf(ask: () => Promise<Answer>): Promise<number> {
  const load = new Load(CONNECTIONS + 2, ask)
  await load.served(CONNECTIONS)
  const count = Math.round((CONNECTIONS * 1000 * SECONDS) / QUERY_MS / 2)
  const since = performance.now()
  await load.served(count)
  const capacity = (1000 * count) / (performance.now() - since)
  await load.stop()
  return capacity
}

/** Served requests a second; the rest must have waited in vain or been shed, and not for a circuit that is open. */
function goodput(answers: readonly Answer[], seconds: number): number {
  const codes = answers.flatMap(({ status, body }) => (status === 503 ? [body.code] : []))
  expect(codes).toContain('SHARD_ERR_POOL_OVERLOADED')
  const reasons = new Set(['SHARD_ERR_POOL_OVERLOADED', 'SHARD_ERR_CHECKOUT_TIMEOUT'])
  expect(codes.filter((code) => !reasons.has(code))).toEqual([])
  const served = answers.filter(({ status }) => status === 200).map(({ ms }) => ms)
  // A machine that stands still for a moment empties the queue, and it has to be found out again that it stands.
  expect(percentile(served, 0.5)).toBeLessThan(2 * SHED_TARGET_MS + QUERY_MS + bound(50))
  return served.length / seconds
}
