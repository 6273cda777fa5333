import { expect } from 'vitest'
import { engine, test } from '../support/engine.ts'
import { makes, migrationSource } from '../support/migration-source.ts'
import { openSharding } from '../support/open-sharding.ts'

async function openShards(...names: string[]) {
  const entries = await Promise.all(
    names.map(async (name) => [name, { connection: await engine.createDatabase() }] as const),
  )
  return openSharding(Object.fromEntries(entries))
}

test('runs what has not run on each shard, once', async () => {
  const sharding = await openShards('a', 'b', 'c')
  const one = migrationSource({ '1_one': makes('one') })
  const both = migrationSource({ '1_one': makes('one'), '2_two': makes('two') })
  const report = await sharding.migrate.latest({ migrationSource: one })
  expect(report).toMatchObject({
    ok: true,
    counts: { migrated: 3, unchanged: 0, failed: 0, skipped: 0 },
    shards: { a: { status: 'migrated', migrations: ['1_one'], batch: 1 } },
  })
  expect((await sharding.migrate.latest({ migrationSource: both })).shards['b']).toMatchObject({
    status: 'migrated',
    migrations: ['2_two'],
    batch: 2,
  })
  expect((await sharding.migrate.latest({ migrationSource: both })).counts.unchanged).toBe(3)
  for (const shard of sharding.shardNames) {
    expect(await sharding.connectedTo(shard, () => sharding.db.schema.hasTable('two'))).toBe(true)
  }
})
