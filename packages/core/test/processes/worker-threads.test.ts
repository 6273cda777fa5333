import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { SessionWatch } from '@sherd/local-servers/session-watch'
import { createDatabase } from '@sherd/local-servers/test-database'
import { isLong } from '@sherd/local-servers/test-scale'
import { expect, onTestFinished, test } from 'vitest'
import { createSharding } from '../../src/index.ts'
import { shareConnectionBudgets } from '../../src/processes/index.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

const BUDGET = 6
const PHASE_MS = isLong ? 5000 : 500

const url = await createDatabase()
const { host, pathname } = new URL(url)

function startThread(): Worker {
  const worker = new Worker(new URL('./thread.mjs', import.meta.url), {
    workerData: { url, budget: BUDGET, callers: BUDGET },
  })
  onTestFinished(() => worker.terminate().then(() => {}))
  return worker
}

interface Report {
  readonly served: number
  readonly failures: readonly string[]
  readonly share: object
}

async function stopThread(worker: Worker): Promise<Report> {
  worker.postMessage('stop')
  const [report] = await once(worker, 'message')
  await once(worker, 'exit')
  return report
}

test('worker threads share a budget with the thread that starts them, whoever comes and is killed', async () => {
  using shared = shareConnectionBudgets()
  const sharding = createSharding({
    config: {
      defaults: { client: 'pg', pool: { max: 10, checkoutTimeoutMs: 20_000 } },
      servers: { [host]: { maxConnections: BUDGET } },
      shards: { one: { connection: url } },
    },
  })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  const view = await ServerView.open(await createDatabase())
  const sessions = new SessionWatch(async () => {
    const sql = 'select pid from pg_stat_activity where datname = any($1)'
    return (await view.query<{ pid: number }>(sql, [[pathname.slice(1)]])).map(({ pid }) => pid)
  })
  let isOver = false
  let own = 0
  const load = Array.from({ length: BUDGET }, async () => {
    while (!isOver) {
      await sharding.connectedTo('one', () => sharding.db.raw('select pg_sleep(0.003)'))
      own++
    }
  })

  const threads = [startThread(), startThread()]
  await Promise.all(threads.map((thread) => once(thread, 'message')))
  await sleep(PHASE_MS)
  expect(sharding.stats().budgets[host]).toMatchObject({ maxConnections: BUDGET, granted: 2, workers: 3 })
  const [first, second] = threads as [Worker, Worker]
  await first.terminate()
  const third = startThread()
  await once(third, 'message')
  await sleep(PHASE_MS)
  const reports = [await stopThread(second), await stopThread(third)]
  const { most } = await sessions.stop()
  isOver = true
  await Promise.all(load)

  expect(reports.flatMap(({ failures }) => failures)).toEqual([])
  for (const { share, served } of reports) {
    expect(share).toMatchObject({ maxConnections: BUDGET })
    expect(served).toBeGreaterThan(0)
  }
  expect(own).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(BUDGET)
  expect(most, 'the budget is made use of').toBeGreaterThanOrEqual(BUDGET - 1)
  await until(() => shared.stats()[host]?.left === 0)
  expect(shared.stats()[host], 'who has closed has given it back').toMatchObject({ workers: 1, left: 0 })
  expect(sharding.stats().budgets[host]).toMatchObject({ granted: BUDGET, workers: 1 })
})
