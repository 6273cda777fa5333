import type { Knex } from 'knex'
import type { ConnectionConfig, ResolvedConfig, ShardConfig } from '../../config/resolved-config.ts'
import { ShardUnavailableError } from '../../errors.ts'
import type { DatabaseHome } from './database-home.ts'
import { runOnServer } from './run-on-server.ts'
import { isStale, PREFIX } from './temporary-name.ts'
import { withDatabase } from './with-database.ts'

/** The one that tools connect to by convention (https://www.postgresql.org/docs/current/creating-cluster.html). */
const MAINTENANCE = 'postgres'

export function postgresHome(config: ResolvedConfig, shard: ShardConfig): DatabaseHome {
  const run = (connection: ConnectionConfig, fn: (db: Knex) => Promise<void>) =>
    runOnServer(config, { shard, connection }, fn)

  async function onServer(fn: (db: Knex) => Promise<void>): Promise<void> {
    try {
      await run(withDatabase(shard.connection, MAINTENANCE), fn)
    } catch (error) {
      // It may be missing, or closed to this user; the shard's own database may be there.
      if (!(error instanceof ShardUnavailableError)) throw error
      await run(shard.connection, fn)
    }
  }

  return {
    async create(name, template) {
      await onServer(async (db) => {
        const found: string[] = await db('pg_database')
          .where('datname', 'like', `${PREFIX}%`)
          .pluck('datname')
        // Without FORCE: one that is in use is not stale. Another process may do the same at this moment.
        for (const stale of found.filter(isStale))
          await db.raw('drop database if exists ??', [stale]).catch(() => {})
        if (template === undefined) await db.raw('create database ??', [name])
        else await db.raw('create database ?? template ??', [name, template])
      })
      return withDatabase(shard.connection, name)
    },
    drop: (name) => onServer((db) => db.raw('drop database if exists ?? with (force)', [name])),
  }
}
