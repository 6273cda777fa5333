import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { createSharding } from '../../src/index.ts'
import { expectReleased } from '../../src/testing/index.ts'
import { deferred } from '../support/deferred.ts'

const connection = await createDatabase()

test('expectReleased waits for what is on its way back, and names the shard that keeps something', async () => {
  await using sharding = createSharding({ config: { shards: { shard_0: { client: 'pg', connection } } } })
  await expectReleased(sharding)
  const [inside, done] = [deferred(), deferred()]
  const job = sharding.connectedTo('shard_0', async () => {
    inside.resolve()
    await done.promise
  })
  await inside.promise
  await expect(expectReleased(sharding, { withinMs: 20 })).rejects.toThrow(
    'Connections were not given back within 20 ms: shard_0, writing: 1 in use, 0 waited for',
  )
  done.resolve()
  await job
  await expectReleased(sharding)
  expect(sharding.stats().shards['shard_0']?.writing.active).toBe(0)
})
