import type { Knex } from 'knex'
import type { ConnectionConfig, ResolvedConfig, ShardConfig } from '../../config/resolved-config.ts'
import { limitsDefaults } from '../../config/schema/limits-schema.ts'
import { wire } from '../../create-sharding.ts'
import { ShardingInstance } from '../../sharding.ts'
import { discreet } from '../../util/discreet.ts'
import { FrozenMap } from '../../util/frozen-map.ts'

/** Runs `fn` on a connection like the shard's, without what is made for the shard's own database. */
export async function runOnServer<T>(
  { router }: ResolvedConfig,
  { shard, connection }: { readonly shard: ShardConfig; readonly connection: ConnectionConfig },
  fn: (db: Knex) => Promise<T>,
): Promise<T> {
  const bare = discreet<ShardConfig>(
    {
      ...shard,
      connection,
      session: {},
      replicas: [],
      tenants: [],
      identity: undefined,
      afterCreate: undefined,
      knex: {},
    },
    ['connection'],
  )
  const sharding = new ShardingInstance(
    wire(
      {
        router: { ...router, strategy: 'static' },
        tenant: [],
        limits: limitsDefaults,
        servers: new FrozenMap([]),
        workers: null,
        shards: new FrozenMap([[shard.name, bare]]),
        shared: undefined,
      },
      { source: undefined, env: {} },
    ),
  )
  try {
    return await sharding.connectedTo(shard.name, () => fn(sharding.db))
  } finally {
    await sharding.close({ deadlineMs: 0 })
  }
}
