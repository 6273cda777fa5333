import { bound, isLong } from '@sherd/local-servers/test-scale'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { barrier } from './support/barrier.ts'
import { test } from './support/fault-test.ts'

const STILL_MS = isLong ? 3000 : 1000

function standStill(): void {
  const until = performance.now() + STILL_MS
  while (performance.now() < until);
}

const pids = (sessions: readonly { pid: number }[]) => sessions.map(({ pid }) => pid).sort((a, b) => a - b)

test('fault 25: an event loop that stands still is not blamed on the database', async ({ set }) => {
  const stage = await set({
    isStraight: true,
    pool: { max: 6, checkoutTimeoutMs: STILL_MS / 2, connectTimeoutMs: STILL_MS / 4 },
    routes: (db) => ({
      '/': async () => (await db.raw('select 1 as one')).rows[0].one,
      '/held': async () => (await db.raw('select pg_sleep(0.1)')).rows.length,
    }),
  })
  await Promise.all(Array.from({ length: 4 }, () => stage.ask('/held')))
  const before = pids(await stage.view.sessions())
  expect(before).toHaveLength(4)
  // Four run, two have connections opened for them, the others wait.
  const asked = Array.from({ length: 12 }, () => stage.ask('/held'))
  while (stage.pool().waiting === 0) await new Promise((resolve) => setImmediate(resolve))
  standStill()
  const answers = await Promise.all(asked)
  const codes = new Set(answers.map(({ status, body }) => (status === 200 ? 200 : body.code)))
  codes.delete(200)
  // Whose deadline has passed may be told so; the database is not declared dead.
  codes.delete('SHARD_ERR_CHECKOUT_TIMEOUT')
  expect([...codes]).toEqual([])
  expect(pids(await stage.view.sessions())).toEqual(expect.arrayContaining(before))
  const next = await stage.ask('/')
  expect(next.status).toBe(200)
  expect(next.ms).toBeLessThan(bound(100))
  record(25, { measured: 0, figure: 0, unit: `connections lost in ${STILL_MS} ms`, met: true })
})

test('fault 25: a clock that is set back changes nothing', async ({ set }) => {
  const bothOpen = barrier(2)
  const stage = await set({
    pool: { max: 2, checkoutTimeoutMs: 500 },
    routes: (db) => ({
      '/': async () => (await db.raw('select 1 as one')).rows[0].one,
      '/open': async () => {
        await db.raw('select 1')
        await bothOpen()
      },
      '/held': async () => (await db.raw('select pg_sleep(1)')).rows.length,
    }),
  })
  await Promise.all([stage.ask('/open'), stage.ask('/open')])
  const before = pids(await stage.view.sessions())
  const { now } = Date
  Date.now = () => now() - 3_600_000
  try {
    const held = [stage.ask('/held'), stage.ask('/held')]
    while (stage.pool().active < 2) await new Promise((resolve) => setImmediate(resolve))
    const late = await stage.ask('/')
    expect(late).toMatchObject({ status: 503, body: { code: 'SHARD_ERR_CHECKOUT_TIMEOUT' } })
    expect(late.ms).toBeLessThan(500 + bound(50))
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200])
    expect((await stage.ask('/')).status).toBe(200)
    expect(pids(await stage.view.sessions())).toEqual(expect.arrayContaining(before))
  } finally {
    Date.now = now
  }
})
