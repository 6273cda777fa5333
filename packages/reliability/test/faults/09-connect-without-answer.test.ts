import { bound } from '@sherd/local-servers/test-scale'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'
import { firstSuccess } from './support/first-success.ts'

const DEADLINE_MS = 800
/** Few enough for the process to send and answer them at once. */
const CALLERS = 50

for (const framework of ['Express', 'Fastify'] as const) {
  test(`fault 9: whoever waits for connections that get no answer is told in time, and served once they do (${framework})`, async ({
    set,
  }) => {
    const stage = await set({
      framework,
      pool: { checkoutTimeoutMs: DEADLINE_MS },
      routes: (db) => ({ '/': async () => (await db.raw('select 1 as one')).rows }),
    })
    const hole = stage.proxy.blackHole({ connections: 'new' })
    const refused = await Promise.all(Array.from({ length: CALLERS }, () => stage.ask('/')))
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]))
    // The breaker may tell them before their deadline.
    const overdue = Math.max(0, ...refused.map(({ ms }) => ms - DEADLINE_MS))
    expect(overdue).toBeLessThan(bound(50))
    expect(stage.proxy.connections.open).toBeLessThanOrEqual(stage.pool().max)

    hole.heal()
    const healed = await firstSuccess(() => stage.ask('/'))
    expect(healed).toBeLessThan(bound(1000))
    const name = `${framework}: `
    record(9, {
      name: `${name}overdue`,
      measured: overdue,
      figure: 50,
      unit: 'ms after the deadline',
      met: overdue <= 50,
    })
    record(9, {
      name: `${name}healed`,
      measured: healed,
      figure: 1000,
      unit: 'ms to the first success',
      met: healed <= 1000,
    })
  })
}
