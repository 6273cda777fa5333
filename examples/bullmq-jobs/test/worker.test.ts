import { connectedTo, db, setDefaultSharding } from '@sherd/core'
import { createTestSharding } from '@sherd/core/testing'
import type {} from '@sherd/local-servers/vitest'
import { afterAll, beforeEach, expect, inject, test, vi } from 'vitest'
import type { InvoiceJob } from '../src/invoice-worker.ts'
import { migrations } from '../src/migrate.ts'
import { startWorking, type Working } from '../src/start-working.ts'
import { describeWithRedis } from './redis.ts'

const server = inject('postgresUrl')
const sharding = await createTestSharding({
  env: { ...process.env, SHARD_0_DATABASE_URL: server, SHARD_1_DATABASE_URL: server },
  prepare: (db) => db.migrate.latest(migrations),
})
setDefaultSharding(sharding)
afterAll(() => sharding.close())

beforeEach(async () => {
  for (const shard of sharding.shardNames) await connectedTo(shard, () => db.raw('truncate invoices, events'))
})

describeWithRedis('the worker', (redisUrl) => {
  /** What becomes of jobs, in their order. */
  async function outcomes(jobs: readonly InvoiceJob[], prepare: (working: Working) => void = () => {}) {
    await using working = await startWorking(redisUrl())
    prepare(working)
    const added = await working.queue.addBulk(jobs.map((data) => ({ name: 'invoice', data })))
    return await Promise.all(
      added.map((job) => job.waitUntilFinished(working.events).catch(({ message }) => message)),
    )
  }

  test.each([
    ['acme', 'shard_0'],
    ['globex', 'shard_0'],
    ['initech', 'shard_1'],
  ])('writes invoices of %s on %s, one after another', async (tenant, shard) => {
    const written = await outcomes([1, 2, 3, 4, 5].map((amount) => ({ tenant, amount })))
    expect(written.map(({ number }) => number).sort()).toEqual([1, 2, 3, 4, 5])
    expect(new Set(written.map((each) => each.shard))).toEqual(new Set([shard]))
    const rows = await connectedTo(shard, () =>
      db('invoices').where({ tenant }).orderBy('number').pluck('number'),
    )
    expect(rows).toEqual([1, 2, 3, 4, 5])
  })

  test('gives connections back, whatever becomes of the job', async () => {
    const results = await outcomes(
      [
        { tenant: 'acme', amount: 1 },
        { tenant: 'acme', amount: -1 },
        { tenant: 'nobody', amount: 1 },
        { tenant: '', amount: 1 },
        { tenant: undefined as never, amount: 1 },
        { tenant: 'globex', amount: 1, checkSeconds: 60 },
      ],
      ({ worker }) => {
        worker.on('progress', ({ id, data }) => {
          if (data.checkSeconds !== undefined) worker.cancelJob(id as string, 'shutting down')
        })
      },
    )
    expect(results).toEqual([
      expect.objectContaining({ number: 1, shard: 'shard_0' }),
      'An invoice over -1 makes no sense.',
      expect.stringContaining('nobody'),
      'A tenant id must not be empty',
      expect.stringContaining('names no tenant'),
      'The job was ended by its signal (shutting down).',
    ])
    await vi.waitFor(() => expect(sharding.stats().shards['shard_0']?.writing.active).toBe(0))
    const rows = await connectedTo('shard_0', () => db('invoices').select('tenant', 'number'))
    expect(rows).toEqual([{ tenant: 'acme', number: 1 }])
  })
})
