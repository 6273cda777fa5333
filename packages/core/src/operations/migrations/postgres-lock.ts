import type { Knex } from 'knex'
import type { LockedTable, SessionLock } from './session-lock.ts'

/** "Sher": sets these locks apart from others of two numbers. */
const CLASS = 0x53686572

/** https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS: of a database, and of a session. */
export function postgresLock(db: Knex, { tableName, schemaName = '' }: LockedTable): SessionLock {
  // Known once: a migration may change the session's schema.
  let key: number | undefined
  const findKey = async (): Promise<number> => {
    const text = "hashtext(coalesce(nullif(?, ''), current_schema()::text, '') || '.' || ?) as key"
    return (await db.select(db.raw(text, [schemaName, tableName])).first()).key
  }
  return {
    async tryTake() {
      key ??= await findKey()
      const { taken } = await db.select(db.raw('pg_try_advisory_lock(?, ?) as taken', [CLASS, key])).first()
      return taken
    },
    async release() {
      await db.select(db.raw('pg_advisory_unlock(?, ?)', [CLASS, key as number]))
    },
  }
}
