import { Readable, type Transform } from 'node:stream'
import { loadDriver } from '../../config/check-driver.ts'
import type { DialectClass } from '../dialect-class.ts'
import type { KnexQuery } from '../knex-internals.ts'
import { LostTransactions } from '../lost-transactions.ts'
import { lockWaits } from './lock-waits.ts'
import { isInTransaction, type SqliteConnection, type SqliteStatement } from './sqlite-connection.ts'

/** Parts of knex's dialect for better-sqlite3 that its declarations leave out. */
export interface SqliteClient {
  driverName: string
  _formatBindings(bindings: readonly unknown[] | undefined): readonly unknown[]
  /** Since knex 3.2. */
  _optSafeIntegers?(options: unknown): boolean | undefined
}

/**
 * knex's dialect for better-sqlite3, and for libsql, which has the same interface. It waits for locks without stopping
 * the process, and a transaction that SQLite has rolled back by itself is over to it.
 */
export function createSqliteDialect(
  Base: DialectClass<SqliteConnection>,
  driver: string,
): DialectClass<SqliteConnection> {
  const lost = new LostTransactions<SqliteConnection>((connection) => !isInTransaction(connection))

  class SqliteDialect extends Base {
    override async _query(connection: SqliteConnection, query: KnexQuery): Promise<KnexQuery> {
      if (!query.sql) throw new Error('The query is empty')
      if (!connection.open) throw new Error('The database connection is not open.')
      if (lost.verdict(connection, query) === 'skip') return query
      const wasInside = isInTransaction(connection)
      let statement: SqliteStatement | undefined
      try {
        return await lockWaits.until(connection, () => {
          statement ??= connection.prepare(query.sql)
          return execute(this as unknown as SqliteClient, statement, query)
        })
      } catch (error) {
        if (wasInside && !isInTransaction(connection)) lost.note(connection, error)
        if (driver === 'libsql' && statement !== undefined && isBusy(error)) abandon(connection, error)
        throw error
      }
    }

    override async _stream(
      connection: SqliteConnection,
      query: KnexQuery,
      stream: Transform,
    ): Promise<unknown> {
      const { response } = await this._query(connection, query)
      return new Promise((resolve, reject) => {
        stream.on('error', reject)
        stream.on('end', resolve)
        Readable.from(response as Iterable<unknown>).pipe(stream)
      })
    }
  }
  if (driver === 'libsql') {
    const _driver = () => loadDriver(driver)
    Object.assign(SqliteDialect.prototype, { driverName: driver, _driver })
  }
  return SqliteDialect
}

/** As knex does, with the same statement at each attempt. */
function execute(client: SqliteClient, statement: SqliteStatement, query: KnexQuery): KnexQuery {
  const safeIntegers = client._optSafeIntegers?.(query['options'])
  if (safeIntegers !== undefined) statement.safeIntegers(safeIntegers)
  const bindings = client._formatBindings(query.bindings)
  if (statement.reader) {
    query['response'] = statement.all(bindings)
    return query
  }
  const result = statement.run(bindings)
  query['response'] = result
  query['context'] = { lastID: result.lastInsertRowid, changes: result.changes }
  return query
}

function isBusy(error: unknown): boolean {
  return (error as { code?: string }).code?.startsWith('SQLITE_BUSY') === true
}

/**
 * In libsql (0.5) a statement that failed on a lock is not reset. Until it runs again, what others write on its
 * connection is answered as done and not committed.
 */
function abandon(connection: SqliteConnection, reason: unknown): void {
  connection.__knex__disposed = reason
  if (!connection.open) return
  if (connection.inTransaction) connection.exec('ROLLBACK')
  connection.close()
}
