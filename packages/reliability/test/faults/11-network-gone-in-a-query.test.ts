import { bound } from '@sherd/local-servers/test-scale'
import { expect, vi } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'

const TIMEOUT_MS = 400

for (const framework of ['Express', 'Fastify'] as const) {
  test(`fault 11: a query whose network is gone ends at its own deadline, and its socket is closed (${framework})`, async ({
    set,
  }) => {
    let took = 0
    const stage = await set({
      framework,
      pool: { max: 1, queryTimeoutMs: TIMEOUT_MS },
      routes: (db) => ({
        '/': () => {
          const since = performance.now()
          return db.raw('select pg_sleep(60) as long').finally(() => {
            took = performance.now() - since
          })
        },
        '/next': async () => (await db.raw('select 1 as one')).rows[0].one,
      }),
    })
    await stage.ask('/next')
    const asked = stage.ask('/')
    const isRunning = async () =>
      (await stage.view.sessions()).some(
        ({ state, query }) => state === 'active' && query.includes('as long'),
      )
    await vi.waitFor(async () => expect(await isRunning()).toBe(true), { interval: 2, timeout: bound(300) })
    using hole = stage.proxy.blackHole()
    const { status, body } = await asked
    expect([status, body.code]).toEqual([500, 'SHARD_ERR_QUERY_TIMEOUT'])
    expect(took - TIMEOUT_MS).toBeLessThan(bound(50))
    await vi.waitFor(() => expect(stage.proxy.connections.open).toBe(0), { timeout: bound(500) })
    hole.heal()
    expect((await stage.ask('/next')).status).toBe(200)
    const overdue = took - TIMEOUT_MS
    record(11, {
      name: framework,
      measured: overdue,
      figure: 50,
      unit: 'ms after the deadline',
      met: overdue <= 50,
    })
  })
}
