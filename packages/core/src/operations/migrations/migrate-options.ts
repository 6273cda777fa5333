import type { Knex } from 'knex'
import type { MigrationOutcome } from '../../errors.ts'

/** Where migrations are, and how knex runs them; what is left out is as the shard's configuration has it. */
export interface MigrationSettings {
  /**
   * The folder of the migrations, or several. Relative ones are seen from the working directory.
   *
   * @default `migrations.directory` of the shard's configuration, else './migrations'
   */
  readonly directory?: string | readonly string[]
  /** Endings of files that are migrations; `.d.ts` never is. @default .js, .cjs, .mjs, .ts, .cts, .mts */
  readonly loadExtensions?: readonly string[]
  /** Of several folders, run one after the other in place of all in the order of their names. @default false */
  readonly sortDirsSeparately?: boolean
  /** In place of a folder: whatever gives migrations. */
  readonly migrationSource?: Knex.MigrationSource<unknown>
  /** In which knex keeps what has run. @default 'knex_migrations' */
  readonly tableName?: string
  /** Of that table. @default the connection's own */
  readonly schemaName?: string
  /** Run migrations outside of transactions, unless one asks for its own. @default false */
  readonly disableTransactions?: boolean
  /** Go on although migrations have run whose files are not there. @default false */
  readonly disableMigrationsListValidation?: boolean
}

/** Which shards are taken, and how many at a time. */
export interface MigrationTargets {
  /** By name. @default all */
  readonly shards?: readonly string[]
  /** Shards at a time: whichever is done makes room for the next. At least 1. @default 5 */
  readonly concurrency?: number
  /**
   * The same for shards on one server, by the host and port of their addresses; never more than this process's part of the
   * server's `maxConnections`. Null for no other limit. @default null
   */
  readonly concurrencyPerServer?: number | null
  /** Milliseconds that a shard may take to give a connection. @default the shard's `pool.checkoutTimeoutMs` */
  readonly checkoutTimeoutMs?: number
}

export interface MigrateOptions extends MigrationTargets, MigrationSettings {
  /**
   * The shard that goes first: the others begin once it has succeeded. Null for none.
   * @default the first of `shards` where `onError` is 'stop', else null
   */
  readonly canary?: string | null
  /** After a shard has failed: begin no other (those that run finish), or go on. @default 'stop' */
  readonly onError?: 'stop' | 'continue'
  /**
   * When it aborts, no further shard begins, and none its next migration. A migration that runs is let finish; where all
   * of a shard's are one transaction, that one is rolled back.
   */
  readonly signal?: AbortSignal
  /** Milliseconds to wait for another run that is at work on a shard. Null waits for ever. @default 60000 */
  readonly lockTimeoutMs?: number | null
  /** Called with whatever happens. What it throws becomes a warning of the process. */
  readonly onProgress?: (progress: MigrationProgress) => void
}

export interface RollbackOptions extends MigrateOptions {
  /** Undo everything that has ever run, in place of the last batch. @default false */
  readonly all?: boolean
}

export interface MigrationStatusOptions extends MigrationTargets, MigrationSettings {}

/** One thing that has happened on one shard. */
export type MigrationProgress = {
  readonly shard: string
  /** Shards that are done by now, those that were skipped included. */
  readonly doneCount: number
  readonly totalCount: number
} & (
  | { readonly type: 'shard-started' }
  /** Another run is at work on it: told once. */
  | { readonly type: 'lock-waiting' }
  | { readonly type: 'migration-started'; readonly migration: string }
  /** It has run; where all of a shard's are one transaction, that one is still open. */
  | { readonly type: 'migration-done'; readonly migration: string; readonly durationMs: number }
  | { readonly type: 'shard-done'; readonly outcome: MigrationOutcome }
)
