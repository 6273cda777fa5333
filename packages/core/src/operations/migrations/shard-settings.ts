import type { Knex } from 'knex'
import { SHARED } from '../../config/shard-name.ts'
import { findShard } from '../../topology/find-shard.ts'
import type { Shard } from '../../topology/topology.ts'
import type { MigrationSettings, MigrationTargets } from './migrate-options.ts'
import { MigrationFolders } from './migration-folders.ts'
import type { MigrationParts } from './migration-parts.ts'

/** A shard, and what is to be run on it. */
export interface MigratedShard {
  readonly shard: Shard
  readonly settings: MigrationSettings
  readonly source: Knex.MigrationSource<unknown>
  /** Names of all migrations that there are, in their order. */
  readonly all: readonly string[]
}

const SETTINGS: readonly (keyof MigrationSettings)[] = [
  'directory',
  'loadExtensions',
  'sortDirsSeparately',
  'migrationSource',
  'tableName',
  'schemaName',
  'disableTransactions',
  'disableMigrationsListValidation',
]

/**
 * The shards that are meant, in the order of the configuration, with their migrations: by the options, else as the shard's
 * own configuration says. Each folder is read once. Rejects with ShardUnknownError, and TypeError for folders that cannot
 * be read.
 */
export async function migratedShards(
  { layout: { topology } }: MigrationParts,
  options: MigrationTargets & MigrationSettings,
): Promise<readonly MigratedShard[]> {
  const wanted = new Set(options.shards?.map((name) => findShard(topology, name)))
  const shards = [...topology.shards.values()].filter(
    // The database without tenants has tables of its own: it is migrated by its name alone.
    (shard) => (options.shards === undefined ? shard.name !== SHARED : wanted.has(shard)),
  )
  const folders = new Map<string, MigrationFolders>()
  return await Promise.all(
    shards.map(async (shard) => {
      const settings = settingsOf(shard, options)
      const source = settings.migrationSource ?? sharedFolders(folders, settings)
      const found = await source.getMigrations(settings.loadExtensions ?? [])
      return { shard, settings, source, all: found.map((each) => source.getMigrationName(each)) }
    }),
  )
}

/** The options over the shard's own settings, and those over knex's. */
function settingsOf({ name: shard, config }: Shard, options: MigrationSettings): MigrationSettings {
  const knex: MigrationSettings = config.knex.migrations ?? {}
  const layers: readonly MigrationSettings[] = [options, config.migrations, knex]
  const settings: Record<string, unknown> = {}
  for (const name of SETTINGS) {
    const value = layers.find((layer) => (layer[name] ?? undefined) !== undefined)?.[name]
    if (value !== undefined) settings[name] = value
  }
  // As knex has it: who names a folder wants no other source.
  const source = layers.find(({ directory, migrationSource }) => directory ?? migrationSource)
  if (source?.directory) delete settings['migrationSource']
  if (shard === SHARED && source === undefined)
    throw new TypeError(
      'Where the migrations of the database without tenants are has to be said: set `shared.migrations.directory`, or the ' +
        'option `directory`.',
    )
  return settings
}

function sharedFolders(known: Map<string, MigrationFolders>, settings: MigrationSettings): MigrationFolders {
  const { directory, loadExtensions, sortDirsSeparately } = settings
  const key = JSON.stringify([directory, loadExtensions, sortDirsSeparately])
  const found = known.get(key) ?? new MigrationFolders(settings)
  known.set(key, found)
  return found
}
