import { connectedTo, createSharding, db, type Sharding, setDefaultSharding, shardedJob } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { scaled } from '@sherd/local-servers/test-scale'
import { type Job, Queue, Worker } from 'bullmq'
import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { describeWithRedis } from './redis.ts'

// All of them take twenty seconds, which CI has.
const JOBS = process.env['CI'] ? 10_000 : scaled(10_000)
const TENANTS = 100
const SHARDS = 4
const POOL_MAX = 5
const CONCURRENCY = 20

interface Task {
  readonly tenant: string
  readonly n: number
}

const urls = await Promise.all(Array.from({ length: SHARDS }, () => createDatabase()))
const tenantOf = (n: number) => `tenant_${n % TENANTS}`

describeWithRedis('a worker under load', (redisUrl) => {
  test(`${JOBS} jobs of ${TENANTS} tenants, ${CONCURRENCY} at a time, every tenth failing: nothing left out, nothing mixed up`, {
    timeout: 600_000,
  }, async () => {
    await using sharding = await openShards()
    await using view = new ServerView(urls)
    const connection = { url: redisUrl() }
    const queue = new Queue<Task>('tasks', { connection })
    await addTasks(queue)

    const findings: string[] = []
    const worker = new Worker<Task>(
      'tasks',
      shardedJob(
        (job: Job<Task>) => job.data.tenant,
        (job) => work(job.data, findings),
      ),
      { connection, concurrency: CONCURRENCY },
    )
    await vi.waitFor(async () => expect(await queue.getJobCountByTypes('completed', 'failed')).toBe(JOBS), {
      timeout: 590_000,
      interval: 100,
    })
    await worker.close()

    expect(findings).toEqual([])
    expect(await queue.getJobCounts('completed', 'failed')).toEqual({
      completed: JOBS * 0.9,
      failed: JOBS * 0.1,
    })
    await vi.waitFor(() => expect(lent(sharding)).toBe(0))
    expect(await strangers(sharding)).toEqual([])
    expect(view.most).toBeGreaterThan(SHARDS)
    expect(view.most).toBeLessThanOrEqual(SHARDS * POOL_MAX)
    await queue.close()
  })
})

/** Each of four shards has every fourth tenant. */
async function openShards(): Promise<Sharding> {
  const tenants = Array.from({ length: TENANTS }, (_, n) => tenantOf(n))
  const sharding = createSharding({
    config: {
      defaults: { client: 'pg', pool: { max: POOL_MAX, checkoutTimeoutMs: 20_000 } },
      shards: Object.fromEntries(
        urls.map((connection, index) => [
          `shard_${index}`,
          { connection, tenants: tenants.filter((_, n) => n % SHARDS === index) },
        ]),
      ),
    },
  })
  setDefaultSharding(sharding)
  for (const shard of sharding.shardNames) {
    await connectedTo(shard, () => db.raw('create table tasks (tenant text, n int primary key)'))
  }
  return sharding
}

async function addTasks(queue: Queue<Task>): Promise<void> {
  for (let first = 0; first < JOBS; first += 1000) {
    const count = Math.min(1000, JOBS - first)
    await queue.addBulk(
      Array.from({ length: count }, (_, index) => {
        const n = first + index
        return { name: 'task', data: { tenant: tenantOf(n * 7), n } }
      }),
    )
  }
}

/** Leaves as much behind as it can, and tells when it finds something of another job. */
async function work({ tenant, n }: Task, findings: string[]): Promise<void> {
  const before = await setting()
  if (before) findings.push(`job ${n} of ${tenant} found the session of ${before}`)
  await db.raw(`select set_config('app.tenant', ?, false)`, [tenant])
  await db('tasks').insert({ tenant, n })
  if (n % 10 === 0) await fail(n)
  const [mine, after] = await Promise.all([db('tasks').where({ n }).pluck('tenant'), setting()])
  if (after !== tenant || mine[0] !== tenant)
    findings.push(`job ${n} of ${tenant} ended in ${after}, ${mine[0]}`)
}

async function setting(): Promise<string | null> {
  const { rows } = await db.raw<{ rows: [{ value: string | null }] }>(
    `select current_setting('app.tenant', true) as value`,
  )
  return rows[0].value
}

/** In one of the ways in which jobs fail. */
async function fail(n: number): Promise<never> {
  const way = (n / 10) % 4
  if (way === 0) await db.raw('select no_such_function()')
  if (way === 1) await db.transaction(() => Promise.reject(new Error('in a transaction')))
  if (way === 2) await db.raw('begin')
  if (way === 3) void db.raw('select pg_sleep(0.01)').catch(() => {})
  throw new Error('failed')
}

function lent(sharding: Sharding): number {
  return Object.values(sharding.stats().shards).reduce((sum, { writing }) => sum + writing.active, 0)
}

/** Rows that are not on their tenant's shard, or not those of the job that wrote them. */
async function strangers(sharding: Sharding): Promise<unknown[]> {
  const found: unknown[] = []
  for (const shard of sharding.shardNames) {
    const rows: Task[] = await connectedTo(shard, () => db('tasks').select('tenant', 'n'))
    for (const { tenant, n } of rows) {
      if (tenant !== tenantOf(n * 7) || (await sharding.shardFor(tenant)) !== shard)
        found.push({ shard, tenant, n })
    }
  }
  return found
}

/** Counts the sessions of the shards' databases on the server, again and again. */
class ServerView {
  /** As many as there ever were. */
  most = 0
  readonly #client: pg.Client
  readonly #looking: Promise<void>
  #isDone = false

  constructor(databases: readonly string[]) {
    const names = databases.map((url) => new URL(url).pathname.slice(1))
    this.#client = new pg.Client({ connectionString: databases[0] as string })
    this.#looking = this.#look(names)
  }

  async #look(names: readonly string[]): Promise<void> {
    await this.#client.connect()
    while (!this.#isDone) {
      const { rows } = await this.#client.query(
        'select count(*)::int as n from pg_stat_activity where datname = any($1) and pid <> pg_backend_pid()',
        [names],
      )
      this.most = Math.max(this.most, rows[0].n)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDone = true
    await this.#looking
    await this.#client.end()
  }
}
