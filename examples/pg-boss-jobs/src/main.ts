// The demonstration around the workers: a server, jobs of both kinds, and what became of them.
import { connectedTo, connectedToTenant, createSharding, db, setDefaultSharding } from '@sherd/core'
import { startPostgres } from '@sherd/local-servers'
import type PgBoss from 'pg-boss'
import { finished } from './finished.ts'
import { migrate } from './migrate.ts'
import { type ReadingJob, requestReport, startWorkers } from './queues.ts'
import type { Report } from './readings.ts'
import { startBoss } from './start-boss.ts'

const TENANTS = ['acme', 'globex', 'initech']

await using postgres = await startPostgres()
await using sharding = createSharding({
  env: {
    ...process.env,
    SHARD_0_DATABASE_URL: await postgres.createDatabase('shard_0'),
    SHARD_1_DATABASE_URL: await postgres.createDatabase('shard_1'),
  },
})
setDefaultSharding(sharding)
await migrate(sharding)
await using started = await startBoss(await postgres.createDatabase('jobs'))
const { boss } = started

await storeSomeReadings(boss)
await makeSomeReports(boss)

async function storeSomeReadings(boss: PgBoss): Promise<void> {
  const jobs: ReadingJob[] = Array.from({ length: 30 }, (_, value) => ({
    tenant: TENANTS[value % 3] as string,
    value,
  }))
  jobs.push({ tenant: 'nobody', value: 1 }, { tenant: 'acme', value: 0.5 })
  console.log(`\n${jobs.length} readings of three tenants, and of one whom nobody knows, in one batch:\n`)
  await boss.createQueue('readings')
  const ids = await Promise.all(jobs.map((job) => boss.send('readings', job, { retryLimit: 0 })))
  await startWorkers(boss)
  for (const [index, id] of ids.entries()) {
    const { state, output } = await finished(boss, 'readings', id as string)
    if (state !== 'failed') continue
    const { message } = output as { message: string }
    console.log(`  ${jobs[index]?.tenant.padEnd(8)} failed: ${message}`)
  }
  for (const shard of sharding.shardNames) {
    const rows: { tenant: string; backend: number }[] = await connectedTo(shard, () => db('readings'))
    const [tenants, backends] = [
      new Set(rows.map((row) => row.tenant)),
      new Set(rows.map((row) => row.backend)),
    ]
    console.log(
      `  ${shard}  ${rows.length} of ${[...tenants].sort().join(' and ')}, over ${backends.size} connection`,
    )
  }
}

async function makeSomeReports(boss: PgBoss): Promise<void> {
  console.log("\nReports, each asked for inside its tenant's scope:\n")
  for (const tenant of TENANTS) {
    const id = await connectedToTenant(tenant, () => requestReport(boss))
    const { output } = await finished(boss, 'reports', id as string)
    const { count, sum, shard } = output as Report
    console.log(`  ${tenant.padEnd(8)} ${count} readings, sum ${sum}, from ${shard}`)
  }
  const id = await connectedToTenant('acme', () =>
    requestReport(boss, { seconds: 60 }, { expireInSeconds: 1, retryLimit: 0 }),
  )
  const { state } = await finished(boss, 'reports', id as string)
  console.log(`  ${'acme'.padEnd(8)} ${state}: it would have taken a minute, and had a second`)
}
