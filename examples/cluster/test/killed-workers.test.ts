import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SessionWatch } from '@sherd/local-servers/session-watch'
import { createDatabase } from '@sherd/local-servers/test-database'
import { scaled } from '@sherd/local-servers/test-scale'
import pg from 'pg'
import { expect, inject, test, vi } from 'vitest'
import { Client, type Kill, wasKilled } from './client.ts'

const RUN_MS = Math.max(5000, scaled(60_000))
const FEWEST_KILLS = 4
const CLIENTS = 12
const TENANTS = [
  ['acme', 'shard_0'],
  ['initech', 'shard_1'],
] as const

const urls = [await createDatabase(), await createDatabase()]

/** Sessions on the server, looked at again and again by a connection to another database. */
async function watchSessions() {
  const viewer = new pg.Client({ connectionString: inject('postgresUrl') })
  await viewer.connect()
  const names = urls.map((url) => new URL(url).pathname.slice(1))
  const watch = new SessionWatch(async () => {
    const sql = 'select pid from pg_stat_activity where datname = any($1)'
    const { rows } = await viewer.query<{ pid: number }>(sql, [names])
    return rows.map(({ pid }) => pid)
  })
  return {
    async stop() {
      const watched = await watch.stop()
      await viewer.end()
      return watched
    },
  }
}

test(
  'workers are killed and added at random under load: never more sessions than the budget, and only those fail whose worker was killed',
  async () => {
    process.env['SHARD_0_DATABASE_URL'] = urls[0]
    process.env['SHARD_1_DATABASE_URL'] = urls[1]
    const { startWorkers } = await import('../src/start-workers.ts')
    const { BUDGET } = await import('../src/config.ts')
    const sessions = await watchSessions()
    await using workers = await startWorkers(3, { graceMs: 1500 })
    await vi.waitUntil(() => workers.ready.length === 3, 30_000)
    const first = workers.ready
    const kills: Kill[] = []
    const endsAt = performance.now() + RUN_MS
    // Where processes take long to start, a few of them are waited for.
    const isOver = () => performance.now() > (kills.length < FEWEST_KILLS ? endsAt + RUN_MS * 3 : endsAt)
    const clients = Array.from({ length: CLIENTS }, () => new Client(workers.url))
    const newcomersServe = () =>
      clients.some((client) => [...client.workers].some((pid) => !first.includes(pid)))
    const load = clients.map(async (client, index) => {
      for (let turn = index; !isOver() || !newcomersServe(); turn++) {
        if (performance.now() > endsAt + RUN_MS * 3 + 20_000) break
        const [tenant, shard] = TENANTS[turn % 2] as (typeof TENANTS)[number]
        await client.ask(tenant, shard)
      }
    })
    while (!isOver()) {
      await sleep(randomInt(100, 600))
      workers.resize(randomInt(2, 6))
      const { pids, ready } = workers
      // Mostly one that serves, and not the only one; now and then one that has only begun.
      const victims = randomInt(4) === 0 ? pids.filter((pid) => !ready.includes(pid)) : ready
      const pid = victims[randomInt(Math.max(1, victims.length))]
      if (pid === undefined || (ready.length < 2 && ready.includes(pid))) continue
      kills.push({ pid, at: performance.now() })
      process.kill(pid, 'SIGKILL')
    }
    await Promise.all(load)
    const { most, readings } = await sessions.stop()
    const failures = clients.flatMap((client) => client.failures)
    const served = clients.reduce((sum, client) => sum + client.served, 0)
    const seen = new Set(clients.flatMap((client) => [...client.workers]))
    console.log({ served, failed: failures.length, kills: kills.length, workers: seen.size, most, readings })

    expect(failures.filter((failure) => !wasKilled(failure, kills))).toEqual([])
    expect(most).toBeLessThanOrEqual(BUDGET)
    expect(most, 'the budget is made use of').toBeGreaterThanOrEqual(BUDGET / 2)
    expect(kills.length).toBeGreaterThanOrEqual(FEWEST_KILLS)
    expect(newcomersServe(), 'new workers serve').toBe(true)
    expect(served).toBeGreaterThan(CLIENTS)
  },
  RUN_MS + 60_000,
)
