import { fileURLToPath } from 'node:url'
import type { Sharding } from '@sherd/core'

/** Where the migrations are: as in config/sharding.yaml, for tests that have a configuration of their own. */
export const migrations = { directory: fileURLToPath(new URL('../migrations', import.meta.url)) }

/** Brings the tables of every shard up to date: the first by itself, then all others at once. */
export async function migrate(sharding: Sharding): Promise<void> {
  await sharding.migrate.latest()
}
