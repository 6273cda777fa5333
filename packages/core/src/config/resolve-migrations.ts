import { resolve } from 'node:path'
import { given } from './given.ts'
import type { Reading } from './reading.ts'
import type { ShardReading } from './readings.ts'
import type { MigrationsConfig } from './resolved-config.ts'
import type { SharedInput } from './schema/shard-schema.ts'
import type { ShardingInput } from './schema/sharding-schema.ts'
import { SHARED } from './shard-name.ts'

/**
 * The shard's word over that of the defaults, each with its folders as seen from its own file. The database without tenants
 * has tables of its own: the defaults are not for it.
 */
export function resolveMigrations(shard: ShardReading, main: Reading<ShardingInput>): MigrationsConfig {
  const defaults = shard.name === SHARED ? undefined : main.value.defaults?.migrations
  return Object.freeze({
    ...absolute(defaults, main.source.folder),
    ...absolute(shard.value.migrations, shard.source.folder),
  })
}

function absolute(migrations: SharedInput['migrations'], folder: string): MigrationsConfig {
  const { directory, ...rest } = given(migrations)
  if (directory === undefined) return rest
  const folders = typeof directory === 'string' ? [directory] : directory
  return { ...rest, directory: Object.freeze(folders.map((each) => resolve(folder, each))) }
}
