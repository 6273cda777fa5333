import { familyOf } from '../../config/clients.ts'
import type { ResolvedConfig, ShardConfig } from '../../config/resolved-config.ts'
import { discreet } from '../../util/discreet.ts'
import { FrozenMap } from '../../util/frozen-map.ts'
import type { DatabaseHome } from './database-home.ts'
import { mysqlHome } from './mysql-home.ts'
import { postgresHome } from './postgres-home.ts'
import { sqliteHome } from './sqlite-home.ts'
import { temporaryName } from './temporary-name.ts'

/** A database for each shard of a configuration, beside the shard's own. */
export class TemporaryDatabases {
  readonly #drops: (() => Promise<void>)[] = []

  /** @returns the configuration, leading to the temporary databases instead of the shards' own */
  async create(
    config: ResolvedConfig,
    templateOf: (shard: string) => string | undefined,
  ): Promise<ResolvedConfig> {
    const createFor = async (shard: ShardConfig): Promise<ShardConfig> => {
      const home = homeOf(config, shard)
      const name = temporaryName()
      this.#drops.push(() => home.drop(name))
      const connection = await home.create(name, templateOf(shard.name))
      // A copy that only reads has no temporary counterpart; the row that declares an identity is another database's.
      return discreet<ShardConfig>({ ...shard, connection, replicas: [], identity: undefined }, [
        'connection',
      ])
    }
    const shards: (readonly [string, ShardConfig])[] = []
    for (const shard of config.shards.values()) shards.push([shard.name, await createFor(shard)])
    const shared = config.shared && (await createFor(config.shared))
    return Object.freeze({ ...config, shards: new FrozenMap(shards), shared })
  }

  /** Removes all; rejects with the first failure, once each has been tried. */
  async drop(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#drops.splice(0).map((drop) => drop()))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
}

function homeOf(config: ResolvedConfig, shard: ShardConfig): DatabaseHome {
  switch (familyOf(shard.client)) {
    case 'postgres':
      return postgresHome(config, shard)
    case 'mysql':
      return mysqlHome(config, shard)
    case 'sqlite':
      return sqliteHome(shard)
    default:
      throw new Error(
        `Shard "${shard.name}" has the client "${shard.client}", for which no temporary databases are made.`,
      )
  }
}
