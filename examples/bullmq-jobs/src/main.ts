// The demonstration around the worker: servers, a queue with some jobs, and what became of them.
import { connectedTo, createSharding, db, type Sharding, setDefaultSharding } from '@sherd/core'
import { startPostgres, startRedis, whyNoRedis } from '@sherd/local-servers'
import type { Job, QueueEvents } from 'bullmq'
import type { InvoiceJob } from './invoice-worker.ts'
import type { Written } from './invoices.ts'
import { migrate } from './migrate.ts'
import { startWorking } from './start-working.ts'

const jobs: readonly InvoiceJob[] = [
  { tenant: 'acme', amount: 120 },
  { tenant: 'initech', amount: 75 },
  { tenant: 'acme', amount: 80 },
  { tenant: 'globex', amount: -1 },
  { tenant: 'nobody', amount: 10 },
  { tenant: 'globex', amount: 310, checkSeconds: 60 },
]

async function demonstrate(): Promise<void> {
  await using redis = await startRedis()
  await using postgres = await startPostgres()
  const env = {
    SHARD_0_DATABASE_URL: await postgres.createDatabase('shard_0'),
    SHARD_1_DATABASE_URL: await postgres.createDatabase('shard_1'),
  }
  await using sharding = createSharding({ env: { ...process.env, ...env } })
  setDefaultSharding(sharding)
  await migrate(sharding)

  await using working = await startWorking(redis.url)
  const { queue, worker, events } = working
  // One takes too long for anybody to wait.
  worker.on('progress', ({ id, data }) => {
    if (data.checkSeconds !== undefined) worker.cancelJob(id as string, 'it takes too long')
  })

  console.log('\nSix jobs for four tenants, one of which nobody knows:\n')
  for (const data of jobs) await printOutcome(await queue.add('invoice', data), events)
  await printRows(sharding)
}

async function printOutcome(job: Job<InvoiceJob, Written>, events: QueueEvents): Promise<void> {
  const outcome = await job.waitUntilFinished(events).then(
    ({ number, shard }) => `invoice ${number} on ${shard}`,
    (error: Error) => `failed: ${error.message}`,
  )
  console.log(`  ${job.data.tenant.padEnd(9)}${String(job.data.amount).padStart(5)}   ${outcome}`)
}

async function printRows({ shardNames }: Sharding): Promise<void> {
  console.log('\nWhat the shards hold now:\n')
  for (const shard of shardNames) {
    const rows = await connectedTo(shard, () =>
      db('invoices').select('tenant', 'number').orderBy(['tenant', 'number']),
    )
    const list = rows.map(({ tenant, number }) => `${tenant} ${number}`).join(', ')
    console.log(`  ${shard}  ${list}`)
  }
}

const missing = whyNoRedis()
if (missing === undefined) await demonstrate()
else {
  console.error(
    `BullMQ keeps its jobs in Redis, and ${missing}. Install it (Debian and Ubuntu: apt install redis-server; ` +
      'macOS: brew install redis); it need not run, this example starts an instance of its own.',
  )
  process.exitCode = 1
}
