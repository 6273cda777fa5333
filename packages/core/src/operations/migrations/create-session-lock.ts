import type { Knex } from 'knex'
import { familyOf } from '../../config/clients.ts'
import type { MigrationSettings } from './migrate-options.ts'
import { TABLE_NAME } from './migration-table.ts'
import { mysqlLock } from './mysql-lock.ts'
import { postgresLock } from './postgres-lock.ts'
import type { LockedTable, SessionLock } from './session-lock.ts'
import { sqliteLock } from './sqlite-lock.ts'

/** Clients that speak PostgreSQL's protocol, and do not lock: https://github.com/cockroachdb/cockroach/issues/13546 */
const WITHOUT_LOCKS = new Set(['cockroachdb', 'redshift'])

/** Whether the servers behind a client have such a lock; else knex's own row in a table is all there is. */
export function hasSessionLock(client: string): boolean {
  return familyOf(client) !== undefined && !WITHOUT_LOCKS.has(client)
}

/** The lock of a shard, in whose scope it is made and used; `db` is knex without processing. */
export function createSessionLock(
  client: string,
  db: Knex,
  { tableName = TABLE_NAME, schemaName }: MigrationSettings,
): SessionLock {
  const table: LockedTable = { tableName, schemaName }
  switch (familyOf(client)) {
    case 'mysql':
      return mysqlLock(db, table)
    case 'sqlite':
      return sqliteLock(db, table)
    default:
      return postgresLock(db, table)
  }
}
