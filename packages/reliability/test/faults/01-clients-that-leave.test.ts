import { setTimeout as delay } from 'node:timers/promises'
import { bound, scaled } from '@sherd/local-servers/test-scale'
import { expect, vi } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'
import { percentile } from './support/percentile.ts'
import { randomFrom, seedOfRun } from './support/random.ts'

const CLIENTS = 50
/** Of the 100,000 requests each framework gets its half. */
const REQUESTS = scaled(50_000)

for (const framework of ['Express', 'Fastify'] as const) {
  test(`fault 1, fault 2: of requests of which 30 % are aborted at any time nothing leaks, nor is anything seen (${framework})`, {
    timeout: 600_000,
  }, async ({ set }) => {
    const foreign: unknown[] = []
    let late = 0
    const stage = await set({
      framework,
      pool: { max: 10, checkoutTimeoutMs: 30_000 },
      routes: (db, sharding) => ({
        '/': async ({ query }) => {
          const { tenant } = sharding.requireScope()
          const mark = `${tenant} ${query['number']}`
          const { rows } = await db.raw(
            `select current_setting('app.mark', true) as before, set_config('app.mark', ?, false)`,
            [mark],
          )
          if (rows[0].before) foreign.push([mark, rows[0].before])
          const { rows: after } = await db.raw(`select current_setting('app.mark', true) as mark`)
          // Who goes on after his client has left does so on clean connections of his own.
          if (after[0].mark && after[0].mark !== mark) foreign.push([mark, after[0].mark])
          if (!after[0].mark) late++
          return mark
        },
      }),
    })
    const random = randomFrom(seedOfRun(`aborts (${framework})`))
    let number = 0
    let aborted = 0
    const statuses = new Map<number, number>()
    const client = async () => {
      while (number < REQUESTS) {
        const own = ++number
        const tenant = random() < 0.5 ? 'acme' : 'globex'
        const leaves = random() < 0.3 ? new AbortController() : undefined
        const afterMs = random() * 30
        if (leaves !== undefined) void delay(afterMs).then(() => leaves.abort())
        const signal = leaves === undefined ? {} : { signal: leaves.signal }
        const { status } = await stage.ask(`/?number=${own}`, { tenant, ...signal })
        if (status === 0) aborted++
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, client))
    expect(aborted).toBeGreaterThan(REQUESTS * 0.1)
    expect([...statuses.keys()].filter((status) => status !== 0 && status !== 200)).toEqual([])
    expect(foreign).toEqual([])
    await vi.waitFor(() => expect(stage.pool()).toMatchObject({ active: 0, waiting: 0 }), {
      timeout: bound(1000),
    })
    expect(late).toBeLessThanOrEqual(aborted)
    record(1, {
      name: framework,
      measured: stage.pool().active,
      figure: 0,
      unit: `leaked in ${REQUESTS} requests`,
      met: true,
    })
    record(2, {
      name: `foreign ${framework}`,
      measured: foreign.length,
      figure: 0,
      unit: 'foreign settings',
      met: true,
    })
  })

  test(`fault 2: the session of a GET whose client leaves is idle again at once (${framework})`, async ({
    set,
  }) => {
    const stage = await set({
      framework,
      pool: { max: 1 },
      routes: (db) => ({ '/': () => db.raw('select pg_sleep(60) as long') }),
    })
    const times: number[] = []
    const isRunning = async () =>
      (await stage.view.sessions()).some(
        ({ state, query }) => state === 'active' && query.includes('as long'),
      )
    for (let count = scaled(200); count > 0; count--) {
      const leaving = new AbortController()
      const asked = stage.ask('/', { signal: leaving.signal })
      await vi.waitFor(async () => expect(await isRunning()).toBe(true), { interval: 5, timeout: bound(500) })
      leaving.abort()
      const since = performance.now()
      await vi.waitFor(async () => expect(await isRunning()).toBe(false), {
        interval: 5,
        timeout: bound(500),
      })
      times.push(performance.now() - since)
      await asked
    }
    const slowest = percentile(times, 1)
    record(2, {
      name: `idle ${framework}`,
      measured: slowest,
      figure: 500,
      unit: 'ms (slowest)',
      met: slowest <= 500,
    })
  })
}
