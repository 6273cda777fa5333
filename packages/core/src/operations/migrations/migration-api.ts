import type { MigrationReport } from '../../errors.ts'
import type { MigrateOptions, MigrationStatusOptions, RollbackOptions } from './migrate-options.ts'
import type { MigrationStatus } from './migration-status.ts'

/**
 * knex's migrations on all shards: on each, on one connection of its primary, in a scope of its own that is locked to it
 * and has no tenant. Neither `queryTimeoutMs` nor the session's own time limits end them.
 *
 * Shards are independent: what has been done on one stays, whatever becomes of the others, and is found done by the next
 * run. One run at a time works on a shard; another waits for it.
 *
 * Each rejects with TypeError for options that cannot be used, ShardUnknownError, and ScopeLockedError in a locked scope;
 * nothing has changed then.
 */
export interface MigrationApi {
  /**
   * Runs what has not run yet. Rejects with MigrationFailedError, which has the report, once all are done, when a shard
   * has failed or was skipped; running it again goes on with those.
   */
  latest(options?: MigrateOptions): Promise<MigrationReport>
  /**
   * Undoes the last batch: the same migrations on all shards, namely those that the last batches of the shards have in
   * common that have the newest migration; or, with `all`, everything. Rejects as `latest`.
   */
  rollback(options?: RollbackOptions): Promise<MigrationReport>
  /** What has run on each shard and what has not. Changes nothing, not even knex's tables. */
  status(options?: MigrationStatusOptions): Promise<MigrationStatus>
}
