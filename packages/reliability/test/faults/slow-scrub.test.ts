import { statement } from '@sherd/fault-proxy'
import { expect, vi } from 'vitest'
import { test } from './support/fault-test.ts'

for (const framework of ['Express', 'Fastify'] as const) {
  test(`L8: a response does not wait for the scrub of its connection, and the next borrower does (${framework})`, async ({
    set,
  }) => {
    const stage = await set({
      framework,
      pool: { max: 1, checkoutTimeoutMs: 20_000 },
      routes: (db) => ({
        '/': async () => {
          const { rows } = await db.raw(`select set_config('app.mark', 'of a request', false) as mark`)
          return rows[0].mark
        },
        '/next': async () => (await db.raw(`select current_setting('app.mark', true) as mark`)).rows[0].mark,
      }),
    })
    // The server gets no word of it, so it cannot have answered.
    const scrub = stage.proxy.cut({ before: statement(/^discard all/i) }, { how: 'hold' })
    const answer = await stage.ask('/')
    expect(answer).toMatchObject({ status: 200, body: 'of a request' })
    expect(stage.pool()).toMatchObject({ active: 1, idle: 0 })
    let isServed = false
    const next = stage.ask('/next', { tenant: 'globex' }).finally(() => {
      isServed = true
    })
    await vi.waitFor(() => expect(stage.pool().waiting).toBe(1), { timeout: 10_000 })
    expect(isServed).toBe(false)
    scrub.heal()
    const { status, body } = await next
    expect(status).toBe(200)
    expect(body || null).toBeNull()
  })
}
