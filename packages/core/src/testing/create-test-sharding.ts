import type { Knex } from 'knex'
import { loadConfig } from '../config/load-config.ts'
import { type CreateShardingOptions, wire } from '../create-sharding.ts'
import { partsOf, type Sharding, ShardingInstance, type ShardingOptions } from '../sharding.ts'
import { TemporaryDatabases } from './databases/temporary-databases.ts'

export interface TestShardingOptions extends CreateShardingOptions {
  /**
   * Fills one shard's database, or that of the shared tables (`shared`), in a scope on it: `(db) => db.migrate.latest({ directory: 'migrations' })`.
   *
   * @default leaves it as it was created
   */
  readonly prepare?: (db: Knex, shard: string) => unknown
  /**
   * What each new database is a copy of: for PostgreSQL a database of the same server, to which nobody is connected; for
   * SQLite a file. MySQL and MariaDB have no such thing.
   *
   * @default an empty database
   */
  readonly template?: string | ((shard: string) => string)
}

/**
 * A Sharding as the configuration describes it, on databases of its own: for each shard one is created on the shard's
 * server (for SQLite in the folder for temporary files), and removed by `close()`; `reload()` is refused. What runs that were killed have left is
 * removed by the next one. Replicas are left out: readers read the temporary database itself. The user that shards connect
 * as needs the right to create databases.
 *
 * Rejects with ConfigInvalidError, and with what the database or `prepare` fails with; then nothing is left behind.
 */
export async function createTestSharding({
  config,
  env = process.env,
  resources,
  prepare,
  template,
}: TestShardingOptions = {}): Promise<Sharding> {
  const resolved = loadConfig(config, env)
  const databases = new TemporaryDatabases()
  const templateOf = typeof template === 'function' ? template : () => template
  try {
    const sharding = new TestSharding(
      wire(await databases.create(resolved, templateOf), { source: config, env }, resources),
      databases,
    )
    try {
      for (const shard of partsOf(sharding).topology.shards.keys()) {
        await sharding.connectedTo(shard, async () => await prepare?.(sharding.db, shard))
      }
      return sharding
    } catch (error) {
      await sharding.close({ deadlineMs: 0 })
      throw error
    }
  } catch (error) {
    await databases.drop().catch(() => {})
    throw error
  }
}

class TestSharding extends ShardingInstance {
  readonly #databases: TemporaryDatabases
  #dropped: Promise<void> | undefined

  constructor(options: ShardingOptions, databases: TemporaryDatabases) {
    super(options)
    this.#databases = databases
  }

  override reload(): Promise<never> {
    return Promise.reject(notReloadable())
  }

  override watch(): never {
    throw notReloadable()
  }

  override async close(options?: { deadlineMs?: number }): Promise<void> {
    await super.close(options)
    this.#dropped ??= this.#databases.drop()
    await this.#dropped
  }
}

function notReloadable(): Error {
  return new Error(
    'A test Sharding cannot be reloaded: its databases were made for the configuration that it began with. Close it and ' +
      'make another one, or test reload() with createSharding().',
  )
}
