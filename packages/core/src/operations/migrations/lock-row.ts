import type { Knex } from 'knex'
import type { MigrationSettings } from './migrate-options.ts'
import { TABLE_NAME } from './migration-table.ts'

/** What knex writes, and understands: 0 is free. */
const FREE = 0
const OURS = 2

/**
 * The row in which knex itself keeps its lock. It has to be taken as well, so that somebody who runs knex by himself is
 * kept out, and waited for; but a process that is killed leaves it taken for ever. So it is marked: whoever has the
 * {@link SessionLock} knows that nobody else of us is at work, and that a row with our mark is a dead one's. A row that
 * knex has taken by itself is never touched.
 */
export class LockRow {
  readonly #db: Knex
  readonly #table: string
  readonly #schemaName: string | undefined

  /** `db` is knex without processing. */
  constructor(db: Knex, { tableName = TABLE_NAME, schemaName }: MigrationSettings) {
    this.#db = db
    this.#table = `${tableName}_lock`
    this.#schemaName = schemaName
  }

  /** Takes it if it is free, or left behind. The table has to be there. Holding the session's lock only. */
  async tryTake(): Promise<boolean> {
    await this.release()
    return (await this.#rows().where({ is_locked: FREE }).update({ is_locked: OURS })) > 0
  }

  async release(): Promise<void> {
    await this.#rows().where({ is_locked: OURS }).update({ is_locked: FREE })
  }

  #rows(): Knex.QueryBuilder {
    const rows = this.#db(this.#table)
    return this.#schemaName === undefined ? rows : rows.withSchema(this.#schemaName)
  }
}
