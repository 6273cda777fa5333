import { fileURLToPath } from 'node:url'
import type { Sharding } from '@sherd/core'

/** Where the migrations are. */
export const migrations = { directory: fileURLToPath(new URL('../migrations', import.meta.url)) }

/** Brings the tables of every shard up to date. */
export async function migrate(sharding: Sharding): Promise<void> {
  await sharding.migrate.latest(migrations)
}
