import {
  connectedTo,
  connectedToTenant,
  createSharding,
  db,
  type Sharding,
  setDefaultSharding,
} from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'

/** Two shards with a connection each; acme and globex share the first. */
export async function useShards(): Promise<Sharding> {
  const sharding = createSharding({
    config: {
      tenant: { header: 'x-tenant-id' },
      defaults: { client: 'pg', pool: { max: 1, checkoutTimeoutMs: 5000 } },
      shards: {
        shard_0: { connection: await createDatabase(), tenants: ['acme', 'globex'] },
        shard_1: { connection: await createDatabase(), tenants: ['initech'] },
      },
    },
  })
  setDefaultSharding(sharding)
  const onWarning = vi.fn()
  beforeAll(async () => {
    process.on('warning', onWarning)
    for (const shard of sharding.shardNames) await connectedTo(shard, createTables)
  })
  beforeEach(async () => {
    for (const shard of sharding.shardNames)
      await connectedTo(shard, () => db.raw('truncate projects, tasks'))
    for (const tenant of ['acme', 'globex', 'initech']) {
      await connectedToTenant(tenant, async () => {
        const [row] = await db('projects')
          .insert({ tenant, name: `First of ${tenant}` })
          .returning('id')
        await db('tasks').insert({ projectId: row.id, title: `Task of ${tenant}` })
      })
    }
  })
  afterEach(() => {
    // Nothing is left out, and the driver had two statements at once never.
    for (const { writing } of Object.values(sharding.stats().shards)) {
      expect(writing).toMatchObject({ waiting: 0, detachedCount: 0 })
    }
    expect(onWarning.mock.calls).toEqual([])
  })
  afterAll(async () => {
    process.off('warning', onWarning)
    await sharding.close()
  })
  return sharding
}

async function createTables(): Promise<void> {
  await db.schema.createTable('projects', (table) => {
    table.increments('id')
    table.text('tenant').notNullable()
    table.text('name').notNullable()
  })
  await db.schema.createTable('tasks', (table) => {
    table.increments('id')
    table.integer('projectId').notNullable()
    table.text('title').notNullable()
  })
}

/** The server's process behind the scope's connection. */
export async function backendPid(): Promise<number> {
  const { rows } = await db.raw('select pg_backend_pid() as pid')
  return rows[0].pid
}

export async function names(): Promise<string[]> {
  return await db('projects').orderBy('id').pluck('name')
}
