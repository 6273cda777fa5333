import { isLong } from '@sherd/local-servers/test-scale'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { arriving } from './support/arriving.ts'
import type { Answer } from './support/client.ts'
import { test } from './support/fault-test.ts'
import { Load } from './support/load.ts'

const CONNECTIONS = 3
const QUERY_MS = 30
const SECONDS = isLong ? 20 : 1.5
/** The share of what the database can bear that is still served; a short run on a busy machine sees less clearly. */
const SHARE = isLong ? 0.9 : 0.7
/** In which the queue comes to stand, and is found out. */
const WARM_UP_SECONDS = 1

const pool = { max: CONNECTIONS, checkoutTimeoutMs: 2000, shedTargetMs: 100, shedIntervalMs: 300 } as const

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
    await arriving({ perSecond: capacity * times, seconds: WARM_UP_SECONDS, ask })
    const answers = await arriving({ perSecond: capacity * times, seconds: SECONDS, ask })
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
  // What it serves easily as it is.
  const perSecond = (0.5 * CONNECTIONS * 1000) / QUERY_MS / 0.1 / 2
  const before = await arriving({ perSecond, seconds: 1, ask })
  expect(before.filter(({ status }) => status !== 200)).toEqual([])
  queryMs = QUERY_MS
  const capacity = await capacityOf(ask)
  await arriving({ perSecond, seconds: WARM_UP_SECONDS, ask })
  const answers = await arriving({ perSecond, seconds: SECONDS, ask })
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

/** Served requests a second; the rest must have been shed, and not for a circuit that is open. */
function goodput(answers: readonly Answer[], seconds: number): number {
  const codes = new Set(answers.map(({ status, body }) => (status === 200 ? 'served' : body?.code)))
  expect([...codes].sort()).toEqual(['SHARD_ERR_POOL_OVERLOADED', 'served'])
  return answers.filter(({ status }) => status === 200).length / seconds
}
