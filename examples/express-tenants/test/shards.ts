import { type Sharding, setDefaultSharding } from '@sherd/core'
import { createTestSharding, transactionalTests } from '@sherd/core/testing'
import type {} from '@sherd/local-servers/vitest'
import { afterAll, afterEach, beforeEach, inject } from 'vitest'
import { addFirstProjects } from '../src/first-projects.ts'
import { migrations } from '../src/migrate.ts'

/**
 * The shards of config/ on temporary databases of the calling test file's own, with the first projects. What a test does
 * there is rolled back after it, though the application knows nothing of that.
 */
export async function useShards(): Promise<Sharding> {
  const server = inject('postgresUrl')
  const sharding = await createTestSharding({
    env: {
      ...process.env,
      SHARD_0_DATABASE_URL: server,
      SHARD_1_DATABASE_URL: server,
      SHARD_2_DATABASE_URL: server,
    },
    prepare: (db) => db.migrate.latest(migrations),
  })
  setDefaultSharding(sharding)
  afterAll(() => sharding.close())
  await addFirstProjects()

  const tests = transactionalTests(sharding)
  beforeEach(tests.begin)
  afterEach(tests.rollback)
  return sharding
}
