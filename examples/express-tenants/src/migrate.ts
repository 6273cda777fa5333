import { fileURLToPath } from 'node:url'
import type { Sharding } from '@sherd/core'

/** Where the migrations are, whatever the configuration and wherever that is; config/sharding.yaml says it to `sherd`. */
export const migrations = { directory: fileURLToPath(new URL('../migrations', import.meta.url)) }

/** Brings the tables of every shard up to date: the first by itself, then all others at once. */
export async function migrate(sharding: Sharding): Promise<void> {
  await sharding.migrate.latest(migrations)
}
