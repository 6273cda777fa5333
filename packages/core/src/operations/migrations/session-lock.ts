/**
 * A lock that ends with the session that has it, so that a process that is killed leaves none behind. One for each of
 * knex's tables: whoever runs the migrations of that table has it.
 */
export interface SessionLock {
  /**
   * Takes it unless somebody has it. Never waits on the server: a statement that waits has a snapshot, and `CREATE INDEX
   * CONCURRENTLY` of whoever holds the lock would wait for that snapshot to go.
   */
  tryTake(): Promise<boolean>
  release(): Promise<void>
}

/** What the locks of all engines are made for: the table of knex, as the session sees it. */
export interface LockedTable {
  readonly tableName: string
  /** Undefined for the session's own. */
  readonly schemaName: string | undefined
}
