import { fromClient } from '@sherd/fault-proxy'
import { scaled } from '@sherd/local-servers/test-scale'
import pg from 'pg'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'
import { Load } from './support/load.ts'

const OPEN = 3

test('fault 15: while the server has no connection left, those that are open serve everybody', async ({
  set,
}) => {
  const stage = await set({
    server: { maxConnections: 16 },
    pool: { max: 10, checkoutTimeoutMs: 5000 },
    routes: (db) => ({
      '/': async ({ query }) =>
        (await db.raw('select pg_sleep(0.002), ?::int as n', [Number(query['n'])])).rows[0].n,
    }),
  })
  await Promise.all(Array.from({ length: OPEN }, () => stage.ask('/?n=0')))
  const taken = await takeTheRest(stage.server.url)
  const open = stage.pool().total

  const attempts = stage.proxy.count(fromClient('StartupMessage'))
  const since = performance.now()
  let number = 0
  let right = 0
  const load = new Load(30, async () => {
    const n = ++number
    const answer = await stage.ask(`/?n=${n}`)
    if (answer.status === 200 && answer.body === n) right++
    return answer
  })
  await load.served(scaled(20_000))
  const answers = await load.stop()
  await Promise.all(taken.map((client) => client.end()))
  const seconds = (performance.now() - since) / 1000
  console.log(JSON.stringify(answers.filter(({status})=>status!==200).slice(0,2)), answers.filter(({status})=>status!==200).map(({ms})=>Math.round(ms)).join())
  expect(right).toBe(answers.length)
  expect(stage.pool().total).toBe(open)
  // Pauses that grow to a second: far fewer attempts than requests.
  expect(attempts.count).toBeLessThan(12 + 3 * seconds)
  record(15, {
    measured: (100 * right) / answers.length,
    figure: 100,
    unit: '% of answers right',
    met: right === answers.length,
  })
})

async function takeTheRest(url: string): Promise<pg.Client[]> {
  const taken: pg.Client[] = []
  for (;;) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    try {
      await client.connect()
      taken.push(client)
    } catch (error) {
      expect(error).toMatchObject({ code: '53300' })
      return taken
    }
  }
}
