// A worker thread with a Sharding of its own, under load from the first moment on until it is told to stop.
import { parentPort, workerData } from 'node:worker_threads'
import { register } from 'tsx/esm/api'

// `--import tsx` is for main threads.
register()
const { createSharding } = await import('../../src/index.ts')

const { url, budget, callers } = workerData
const { host } = new URL(url)
const sharding = createSharding({
  config: {
    defaults: { client: 'pg', pool: { max: 10, checkoutTimeoutMs: 20_000 } },
    servers: { [host]: { maxConnections: budget } },
    shards: { one: { connection: url } },
  },
})
let isOver = false
let served = 0
const failures = []
const load = Array.from({ length: callers }, async () => {
  while (!isOver) {
    try {
      await sharding.connectedTo('one', () => sharding.db.raw('select pg_sleep(0.003)'))
      if (served++ === 0) parentPort.postMessage('serving')
    } catch (error) {
      failures.push(String(error))
    }
  }
})
parentPort.once('message', async () => {
  isOver = true
  await Promise.all(load)
  const { budgets } = sharding.stats()
  await sharding.close()
  parentPort.postMessage({ served, failures, share: budgets[host] })
})
