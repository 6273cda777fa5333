import type { Knex } from 'knex'
import type { SqliteConnection } from '../../pool/sqlite/sqlite-connection.ts'
import type { LockedTable, SessionLock } from './session-lock.ts'

/** The class that better-sqlite3 and libsql export. */
type Driver = new (file: string, options: { readonly timeout: number }) => SqliteConnection

/**
 * SQLite has no lock but those on its files, and the database's own would keep out everybody who reads. So it is that of
 * an empty file beside the database, `<database>-<table>_lock`, which the operating system frees with the process. The
 * file stays: to delete it would let two in.
 */
export function sqliteLock(db: Knex, { tableName }: LockedTable): SessionLock {
  let held: SqliteConnection | undefined
  return {
    async tryTake() {
      const { file } = await db('pragma_database_list').where('name', 'main').first('file')
      // In memory there is one connection, and this scope has it.
      if (!file) return true
      const lock = new (db.client.driver as Driver)(`${file}-${tableName}_lock`, { timeout: 0 })
      try {
        lock.exec('BEGIN EXCLUSIVE')
        held = lock
        return true
      } catch (error) {
        lock.close()
        if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return false
        throw error
      }
    },
    async release() {
      held?.close()
    },
  }
}
