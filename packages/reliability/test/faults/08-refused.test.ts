import { bound, scaled } from '@sherd/local-servers/test-scale'
import knex from 'knex'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'
import { firstSuccess } from './support/first-success.ts'
import { percentile } from './support/percentile.ts'
import { OTHER_TENANT } from './support/stage.ts'

const CALLERS = 200

for (const framework of ['Express', 'Fastify'] as const) {
  test(`fault 8: a database that refuses is answered for in milliseconds (${framework})`, async ({ set }) => {
    const stage = await set({
      framework,
      routes: (db) => ({ '/': async () => (await db.raw('select 1 as one')).rows }),
    })
    await stage.ask('/')
    const refusal = stage.proxy.refuse()
    stage.proxy.reset()

    const refusedAt = performance.now()
    const first = await Promise.all(Array.from({ length: 10 }, () => stage.ask('/')))
    expect(Math.max(...first.map(({ ms }) => ms))).toBeLessThan(bound(1000))
    let answer = await stage.ask('/')
    while (answer.body.code !== 'SHARD_ERR_CIRCUIT_OPEN' && performance.now() < refusedAt + bound(1000)) {
      answer = await stage.ask('/')
    }
    expect(answer.body.code).toBe('SHARD_ERR_CIRCUIT_OPEN')
    const times: number[] = []
    const codes = new Set<string>()
    const others = new Set<number>()
    for (let count = scaled(4000); count > 0; count--) {
      const [{ status, ms, body }, other] = await Promise.all([
        stage.ask('/'),
        stage.ask('/', { tenant: OTHER_TENANT }),
      ])
      times.push(ms)
      codes.add(`${status} ${body.code}`)
      others.add(other.status)
    }
    const p50 = percentile(times, 0.5)
    expect([...codes]).toEqual(['503 SHARD_ERR_CIRCUIT_OPEN'])
    expect(p50).toBeLessThan(bound(5))
    expect(others).toEqual(new Set([200]))

    record(8, { name: `503 with ${framework}`, measured: p50, figure: 5, unit: 'ms (p50)', met: p50 <= 5 })

    await refusal.heal()
    expect(await firstSuccess(() => stage.ask('/'))).toBeLessThan(bound(1000))
  })
}

test('fault 8: the same of knex alone takes its full timeout', async ({ set }) => {
  const stage = await set()
  const refusal = stage.proxy.refuse()
  const alone = await knexAlone(stage.proxy.urlOf(stage.shards[0].url))
  await refusal.heal()
  expect(alone).toBeGreaterThan(bound(5))
  record(8, { name: 'knex alone', measured: alone, figure: 2003, unit: 'ms (p50), knex alone', met: true })
})

/** How long callers of a plain knex wait for their error, in the middle. */
async function knexAlone(connection: string): Promise<number> {
  const plain = knex({
    client: 'pg',
    connection,
    pool: { min: 0, max: 10 },
    acquireConnectionTimeout: 2000,
    log: { warn() {} },
  })
  const times = await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      const since = performance.now()
      await plain.raw('select 1').catch(() => {})
      return performance.now() - since
    }),
  )
  await plain.destroy()
  return percentile(times, 0.5)
}
