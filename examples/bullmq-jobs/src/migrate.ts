import { fileURLToPath } from 'node:url'
import { connectedTo, db, type Sharding } from '@sherd/core'

/** Where knex finds the migrations of a shard. */
export const migrations = { directory: fileURLToPath(new URL('../migrations', import.meta.url)) }

/** Brings the tables of every shard up to date. */
export async function migrate({ shardNames }: Pick<Sharding, 'shardNames'>): Promise<void> {
  await Promise.all(shardNames.map((shard) => connectedTo(shard, () => db.migrate.latest(migrations))))
}
