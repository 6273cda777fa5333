import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { createSharding } from '../../src/index.ts'

const connection = await createDatabase()

test('the functions of a Sharding work when they are taken off it', async () => {
  await using sharding = createSharding({
    config: { shards: { shard_0: { client: 'pg', connection, tenants: ['acme'] } } },
  })
  const { connectedTo, connectedToTenant, runInScope, shardFor, captureScope, currentScope } = sharding
  expect(await shardFor('acme')).toBe('shard_0')
  const token = await connectedToTenant('acme', () => captureScope())
  const restored = await connectedTo('shard_0', () => runInScope(token, () => currentScope()))
  expect(restored).toMatchObject({ shard: 'shard_0', tenant: 'acme' })
})
