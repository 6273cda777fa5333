import type { Cursor, CursorOptions, Statement } from '../engine.ts'
import type { RawConnection } from '../raw-connection.ts'
import { lockWaits } from './lock-waits.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

/**
 * Hands out a result in pieces that was read at once, as knex reads every result of SQLite: a statement that is not at
 * its end would keep others from writing on its connection.
 */
export class SqliteCursor implements Cursor {
  readonly #statement: Statement
  readonly #options: CursorOptions
  #rows: readonly unknown[] = []

  /** @param statement with bindings that the driver takes */
  constructor(statement: Statement, options: CursorOptions) {
    this.#statement = statement
    this.#options = options
  }

  async open(raw: RawConnection): Promise<boolean> {
    const connection = raw as SqliteConnection
    const { sql, bindings } = this.#statement
    this.#rows = await lockWaits.until(connection, () => connection.prepare(sql).all(bindings))
    return true
  }

  async fetch(): Promise<readonly unknown[]> {
    const { batchSize } = this.#options
    const rows = this.#rows.slice(0, batchSize)
    this.#rows = this.#rows.slice(batchSize)
    return rows
  }

  async close(): Promise<void> {
    this.#rows = []
  }
}
