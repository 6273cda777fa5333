import { setTimeout as delay } from 'node:timers/promises'
import { statement } from '@sherd/fault-proxy'
import { bound } from '@sherd/local-servers/test-scale'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { barrier } from './support/barrier.ts'
import { test } from './support/fault-test.ts'

const IDLE = 5
const PING_AFTER_MS = 50
const PING_MS = 400

for (const framework of ['Express', 'Fastify'] as const) {
  test(`fault 10: of idle connections that are dead without a word one request learns, not each (${framework})`, async ({
    set,
  }) => {
    const everybody = barrier(IDLE)
    const stage = await set({
      framework,
      pool: { max: IDLE, pingAfterIdleMs: PING_AFTER_MS, pingTimeoutMs: PING_MS },
      routes: (db) => ({
        '/': async () => (await db.raw('select pg_backend_pid() as pid')).rows[0].pid,
        '/held': async () => {
          const { pid } = (await db.raw('select pg_backend_pid() as pid')).rows[0]
          await everybody()
          return pid
        },
      }),
    })
    const before = await Promise.all(Array.from({ length: IDLE }, () => stage.ask('/held')))
    expect(new Set(before.map(({ body }) => body)).size).toBe(IDLE)
    await delay(PING_AFTER_MS * 2)

    using hole = stage.proxy.blackHole({ connections: 'open' })
    const slow: number[] = []
    for (let count = 0; count < 50; count++) {
      const { status, ms } = await stage.ask('/')
      expect(status).toBe(200)
      if (ms > PING_MS / 2) slow.push(ms)
    }
    expect(slow.length).toBeLessThanOrEqual(1)
    expect(Math.max(0, ...slow)).toBeLessThan(PING_MS + bound(100))
    hole.heal()
    record(10, {
      name: framework,
      measured: slow.length,
      figure: 1,
      unit: 'slow requests',
      met: slow.length <= 1,
    })
  })
}

test('fault 10: nobody is failed by dead idle connections, however many come at once', async ({ set }) => {
  const stage = await set({
    pool: { max: IDLE, pingAfterIdleMs: PING_AFTER_MS, pingTimeoutMs: PING_MS },
    routes: (db) => ({ '/': async () => (await db.raw('select 1 as one, pg_sleep(0.02)')).rows[0].one }),
  })
  await Promise.all(Array.from({ length: IDLE }, () => stage.ask('/')))
  await delay(PING_AFTER_MS * 2)
  using hole = stage.proxy.blackHole({ connections: 'open' })
  const answers = await Promise.all(Array.from({ length: 20 }, () => stage.ask('/')))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  hole.heal()
})

test('fault 23: a connection cut during its ping is closed, and the request is served by another', async ({
  set,
}) => {
  const stage = await set({
    pool: { max: 1, pingAfterIdleMs: PING_AFTER_MS },
    routes: (db) => ({ '/': async () => (await db.raw('select pg_backend_pid() as pid')).rows[0].pid }),
  })
  const { body: first } = await stage.ask('/')
  await delay(PING_AFTER_MS * 2)
  const cut = stage.proxy.cut({ before: (message) => message.from === 'client' && message.type === 'Query' })
  const passed = stage.proxy.count(statement(/pg_backend_pid/))
  const next = await stage.ask('/')
  await cut.happened
  expect(next.status).toBe(200)
  expect(next.body).not.toBe(first)
  expect(passed.count).toBe(1)
})
