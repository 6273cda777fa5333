import type { DialectClass } from '../dialect-class.ts'
import type { KnexQuery } from '../knex-internals.ts'
import { LostTransactions } from '../lost-transactions.ts'
import type { MysqlConnection } from './mysql-connection.ts'

const DEADLOCK = 1213
const LOCK_WAIT_TIMEOUT = 1205
/** MariaDB: the record has changed since the transaction's snapshot. */
const RECORD_CHANGED = 1020

/** knex's dialect, to which a transaction that the server has rolled back by itself is over. */
export function createMysqlDialect(Base: DialectClass<MysqlConnection>): DialectClass<MysqlConnection> {
  const lost = new LostTransactions<MysqlConnection>(() => false)

  /** https://dev.mysql.com/doc/refman/8.4/en/innodb-error-handling.html */
  function note(connection: MysqlConnection, error: { errno?: number }): void {
    const { errno } = error
    const isOver =
      errno === DEADLOCK ||
      errno === RECORD_CHANGED ||
      (errno === LOCK_WAIT_TIMEOUT && connection.baseline.rollsBackOnTimeout)
    if (isOver) lost.note(connection, error)
  }

  return class extends Base {
    override async _query(connection: MysqlConnection, query: KnexQuery): Promise<KnexQuery> {
      if (lost.verdict(connection, query) === 'skip') return Object.assign(query, { response: [[], []] })
      try {
        return await super._query(connection, query)
      } catch (error) {
        note(connection, error as object)
        throw error
      }
    }

    override async _stream(
      connection: MysqlConnection,
      query: KnexQuery,
      ...rest: unknown[]
    ): Promise<unknown> {
      lost.verdict(connection, query)
      try {
        return await super._stream(connection, query, ...rest)
      } catch (error) {
        note(connection, error as object)
        throw error
      }
    }
  }
}
