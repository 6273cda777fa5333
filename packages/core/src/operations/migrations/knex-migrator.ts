import type { Knex } from 'knex'
import type { MigrationSettings } from './migrate-options.ts'

// What knex's migrator has and its declarations leave out.

interface MigratorInternals extends Knex.Migrator {
  readonly knex: { readonly client: { logger: object } }
  _getLock(transaction?: Knex.Transaction): Promise<void>
  _freeLock(transaction?: Knex.Transaction): Promise<void>
}

/** [number of the batch, names of the migrations] */
export type Batch = readonly [number, readonly string[]]

/** What knex is told of each run. */
export type MigratorConfig = Omit<
  MigrationSettings,
  'directory' | 'loadExtensions' | 'sortDirsSeparately' | 'migrationSource'
> & { readonly migrationSource: Knex.MigrationSource<unknown> }

/**
 * knex's migrator for one run. It prints nothing, for what it would print is told; and it takes no lock where `isLocked`
 * says that its lock is held already: {@link LockRow}.
 */
export function createMigrator(knex: Knex, isLocked: boolean): Knex.Migrator {
  const migrator = knex.migrate as MigratorInternals
  const { client } = migrator.knex
  client.logger = Object.create(client.logger, { warn: { value: () => {} } })
  if (isLocked) migrator._getLock = migrator._freeLock = () => Promise.resolve()
  return migrator
}

/** knex without what its user has it do to names and rows, as its migrator has it for its own tables. */
export function withoutProcessing(knex: Knex): Knex {
  const plain = knex.withUserParams({}) as Knex & { disableProcessing(): void }
  plain.disableProcessing()
  return plain
}
