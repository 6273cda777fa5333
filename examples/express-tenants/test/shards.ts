import { connectedTo, createSharding, db, type Sharding, setDefaultSharding } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { afterAll, beforeEach } from 'vitest'
import { addFirstProjects } from '../src/first-projects.ts'
import { migrate } from '../src/migrate.ts'

/** The shards of config/ on empty databases of the calling test file's own; each test begins with the first projects. */
export async function useShards(): Promise<Sharding> {
  const sharding = createSharding({
    env: {
      ...process.env,
      SHARD_0_DATABASE_URL: await createDatabase(),
      SHARD_1_DATABASE_URL: await createDatabase(),
      SHARD_2_DATABASE_URL: await createDatabase(),
    },
  })
  setDefaultSharding(sharding)
  afterAll(() => sharding.close())
  await migrate(sharding)
  beforeEach(async () => {
    await removeAllRows(sharding)
    await addFirstProjects()
  })
  return sharding
}

async function removeAllRows({ shardNames }: Sharding): Promise<void> {
  for (const shard of shardNames) await connectedTo(shard, () => db.raw('truncate projects, events'))
}
