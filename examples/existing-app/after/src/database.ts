import { fileURLToPath } from 'node:url'
import { connectedTo, createSharding, db, setDefaultSharding } from '@sherd/core'

const sharding = createSharding() // config/sharding.yaml + config/shards/*.yaml
setDefaultSharding(sharding)

const directory = fileURLToPath(new URL('../migrations', import.meta.url))

export async function migrate(): Promise<void> {
  for (const shard of sharding.shardNames) {
    await connectedTo(shard, () => db.migrate.latest({ directory }))
  }
}

export async function close(): Promise<void> {
  await sharding.close()
}
