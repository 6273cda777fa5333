import type { Cursor, CursorOptions, Statement } from '../engine.ts'
import type { RawConnection } from '../raw-connection.ts'
import { mayWrite } from '../write-detection.ts'
import type { PostgresConnection } from './postgres-connection.ts'

let cursors = 0

/** The server's complaints about a statement that no cursor can be declared for. */
const NOT_FOR_CURSORS = new Set(['0A000', '42601', '42P11'])

/** Comments may stand before the keyword, as knex's `.comment()` puts them; not one inside another. */
const READING = /^(?:[\s(]|--[^\n]*\n|\/\*(?:(?!\/\*|\*\/)[\s\S])*\*\/)*(?:select|values|table|with)\b/i

/**
 * An SQL cursor (https://www.postgresql.org/docs/current/sql-declare.html). Outside of transactions it is declared
 * WITH HOLD, for which the server computes and keeps the whole result first.
 */
export class PostgresCursor implements Cursor {
  readonly #statement: Statement
  readonly #options: CursorOptions
  readonly #name = `sherd_${++cursors}`

  constructor(statement: Statement, options: CursorOptions) {
    this.#statement = statement
    this.#options = options
  }

  /** What is not certainly a reading statement is left alone: a refused DECLARE would abort a transaction. */
  static canRead(sql: string): boolean {
    return READING.test(sql) && !mayWrite(sql)
  }

  async open(connection: RawConnection): Promise<boolean> {
    const hold = this.#options.inTransaction ? '' : 'WITH HOLD '
    const text = `DECLARE ${this.#name} NO SCROLL CURSOR ${hold}FOR ${this.#statement.sql}`
    try {
      await (connection as PostgresConnection).query(text, [...this.#statement.bindings])
      return true
    } catch (error) {
      if (!this.#options.inTransaction && NOT_FOR_CURSORS.has((error as { code: string }).code)) return false
      throw error
    }
  }

  async fetch(connection: RawConnection): Promise<readonly unknown[]> {
    const text = `FETCH FORWARD ${this.#options.batchSize} FROM ${this.#name}`
    return (await (connection as PostgresConnection).query(text)).rows
  }

  async close(connection: RawConnection): Promise<void> {
    await (connection as PostgresConnection).query(`CLOSE ${this.#name}`)
  }
}
