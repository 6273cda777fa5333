import type { ResolvedConfig, ShardConfig } from '../../config/resolved-config.ts'
import type { DatabaseHome } from './database-home.ts'
import { runOnServer } from './run-on-server.ts'
import { isStale, PREFIX } from './temporary-name.ts'
import { withDatabase } from './with-database.ts'

export function mysqlHome(config: ResolvedConfig, shard: ShardConfig): DatabaseHome {
  const server = { shard, connection: withDatabase(shard.connection, undefined) }
  return {
    async create(name, template) {
      if (template !== undefined) {
        throw new Error(
          'MySQL and MariaDB copy no databases: create the tables with `prepare` instead of `template`.',
        )
      }
      await runOnServer(config, server, async (db) => {
        const found: { name: string }[] = await db('information_schema.schemata')
          .where('schema_name', 'like', `${PREFIX}%`)
          .select('schema_name as name')
        for (const stale of found.map(({ name }) => name).filter(isStale))
          await db.raw('drop database if exists ??', [stale]).catch(() => {})
        await db.raw('create database ??', [name])
      })
      return withDatabase(shard.connection, name)
    },
    drop: (name) => runOnServer(config, server, (db) => db.raw('drop database if exists ??', [name])),
  }
}
