import { SessionWatch } from '@sherd/local-servers/session-watch'
import { createDatabase } from '@sherd/local-servers/test-database'
import { scaled } from '@sherd/local-servers/test-scale'
import { expect, onTestFinished, test } from 'vitest'
import { createSharding } from '../../src/index.ts'
import { ServerView } from '../support/server-view.ts'

const SHARDS = 4
const BUDGET = 8

test('four databases on one server: never more sessions than its budget, and every request is served', async () => {
  const urls = await Promise.all(Array.from({ length: SHARDS }, () => createDatabase()))
  const { host } = new URL(urls[0] as string)
  const sharding = createSharding({
    config: {
      defaults: { client: 'pg', pool: { max: 5, checkoutTimeoutMs: 20_000 } },
      servers: { [host]: { maxConnections: BUDGET } },
      shards: Object.fromEntries(urls.map((connection, index) => [`shard_${index}`, { connection }])),
    },
  })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  const view = await ServerView.open(await createDatabase())
  const names = urls.map((url) => new URL(url).pathname.slice(1))
  const sessions = new SessionWatch(async () => {
    const sql = 'select pid from pg_stat_activity where datname = any($1)'
    return (await view.query<{ pid: number }>(sql, [names])).map(({ pid }) => pid)
  })

  const left = Array.from({ length: scaled(10_000) }, (_, index) => index).values()
  const answers = new Map<number, string>()
  const client = async () => {
    for (const index of left) {
      // In runs, so that pools rest while others are in demand, and all at once.
      const shard = index % 100 < 50 ? index % SHARDS : Math.floor(index / 100) % SHARDS
      const { rows } = await sharding.connectedTo(`shard_${shard}`, () =>
        sharding.db.raw('select current_database() as name, pg_sleep(0.002)'),
      )
      answers.set(index, rows[0].name === names[shard] ? 'right' : `wrong: ${rows[0].name}`)
    }
  }
  await Promise.all(Array.from({ length: 40 }, client))
  const { most } = await sessions.stop()

  expect(answers.size).toBe(scaled(10_000))
  expect(new Set(answers.values())).toEqual(new Set(['right']))
  expect(most).toBeLessThanOrEqual(BUDGET)
  expect(most, 'the budget is made use of').toBeGreaterThanOrEqual(BUDGET - 2)
})
