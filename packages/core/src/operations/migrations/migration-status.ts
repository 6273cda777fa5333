/** What has run on the shards. */
export interface MigrationStatus {
  /** Whether all shards could be asked and none has anything pending or missing. */
  readonly isCurrent: boolean
  /** By name, in the order of the configuration. */
  readonly shards: Readonly<Record<string, ShardMigrations>>
}

/** What has run on one shard; `unknown` when it could not be asked. */
export type ShardMigrations =
  | {
      readonly status: 'current' | 'pending'
      /** Migrations that have run, in the order in which they did. */
      readonly completed: readonly string[]
      /** Migrations that have not, in the order in which they will. */
      readonly pending: readonly string[]
      /** Those that have run and whose files are not there: of a newer version of the application, or deleted. */
      readonly missing: readonly string[]
      /** Number of the last batch; null when nothing has run. */
      readonly batch: number | null
    }
  | { readonly status: 'unknown'; readonly error: unknown }
