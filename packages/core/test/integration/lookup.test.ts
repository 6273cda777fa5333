import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { createSharding, type Sharding } from '../../src/index.ts'
import { runSql } from '../support/run-sql.ts'

const directory = await createDatabase()
const connection = await createDatabase()

test('a directory of tenants may be a shard itself, also where a locked scope asks', async () => {
  await runSql(
    directory,
    "create table tenants (id text, shard text); insert into tenants values ('acme', 'shard_0'), ('globex', 'shard_0')",
  )
  await using sharding: Sharding = createSharding({
    config: {
      router: {
        strategy: 'lookup',
        lookup: (tenant) =>
          sharding.connectedTo('directory', async () => {
            const row = await sharding.db('tenants').where({ id: tenant }).first('shard')
            return row?.shard
          }),
      },
      defaults: { client: 'pg', pool: { max: 1 } },
      shards: { directory: { connection: directory }, shard_0: { connection } },
    },
  })
  const seen = await sharding.connectedTo({ tenant: 'acme', lock: true }, async () => [
    sharding.currentScope()?.shard,
    await sharding.shardFor('globex'),
  ])
  expect(seen).toEqual(['shard_0', 'shard_0'])
  await expect(sharding.shardFor('nobody')).rejects.toMatchObject({ code: 'SHARD_ERR_TENANT_UNKNOWN' })
})
