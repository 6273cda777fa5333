// The primary: a database server for the demonstration, then workers. It has no pool of its own.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPostgres } from '@sherd/local-servers'
import { startWorkers } from './start-workers.ts'

const SIZE = 3

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

await using server = await startPostgres()
process.env['SHARD_0_DATABASE_URL'] = await server.createDatabase('shard_0')
process.env['SHARD_1_DATABASE_URL'] = await server.createDatabase('shard_1')
await using workers = await startWorkers(SIZE, { graceMs: 1000 })
console.log(`${SIZE} workers listen on ${workers.url}: curl -H 'x-tenant-id: acme' ${workers.url}/work`)

const [first] = workers.pids
if (first !== undefined) process.kill(first, 'SIGKILL')
console.log(`Killed worker ${first}; another one takes its place`)

while (!stop.signal.aborted) {
  console.log(JSON.stringify(workers.budgets.stats()))
  await Promise.race([sleep(2000), once(stop.signal, 'abort')])
}
