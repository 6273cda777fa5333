import type { Knex } from 'knex'
import type { LockedTable, SessionLock } from './session-lock.ts'

/** https://dev.mysql.com/doc/refman/8.0/en/locking-functions.html: of a server, hence with the database in its name. */
export function mysqlLock(db: Knex, { tableName, schemaName = '' }: LockedTable): SessionLock {
  // Known once: a migration may change the session's database. Names have 64 characters at most.
  let name: string | undefined
  const findName = async (): Promise<string> => {
    const text =
      "concat('sherd_migrate:', md5(concat(coalesce(nullif(?, ''), database(), ''), '.', ?))) as name"
    return (await db.select(db.raw(text, [schemaName, tableName])).first()).name
  }
  return {
    async tryTake() {
      name ??= await findName()
      const { taken } = await db.select(db.raw('get_lock(?, 0) as taken', [name])).first()
      return Number(taken) === 1
    },
    async release() {
      await db.select(db.raw('release_lock(?)', [name as string]))
    },
  }
}
