import { bound, isLong, scaled } from '@sherd/local-servers/test-scale'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import type { Answer } from './support/client.ts'
import { test } from './support/fault-test.ts'
import { Load } from './support/load.ts'
import { percentile } from './support/percentile.ts'

const HOT_CLIENTS = 200
const REQUESTS = scaled(4000)

test('fault 18: a hot tenant gets no more than its part, and its neighbours hardly notice', async ({
  set,
}) => {
  const stage = await set({
    pool: { max: 10, perTenantMax: 5, checkoutTimeoutMs: 10_000 },
    routes: (db) => ({
      '/short': async () => (await db.raw('select pg_sleep(0.02)')).rows.length,
      '/long': async () => (await db.raw('select pg_sleep(0.05)')).rows.length,
    }),
  })
  const neighbour = () => stage.ask('/short', { tenant: 'globex' })
  const alone = await p99Of(neighbour)
  const hot = new Load(HOT_CLIENTS, () => stage.ask('/long', { tenant: 'acme' }))
  await hot.served(20)
  const beside = await p99Of(neighbour)
  const answers = await hot.stop()
  // Without a cap they would wait for some 200 others before each turn: a second.
  expect(beside).toBeLessThan(isLong ? 2 * alone : bound(2 * alone))
  expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([])
  record(18, {
    measured: beside / alone,
    figure: 2,
    unit: 'times the p99 without it',
    met: beside <= 2 * alone,
  })
})

async function p99Of(ask: () => Promise<Answer>): Promise<number> {
  const load = new Load(3, ask)
  await load.served(REQUESTS)
  const answers = await load.stop()
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  return percentile(
    answers.map(({ ms }) => ms),
    0.99,
  )
}
