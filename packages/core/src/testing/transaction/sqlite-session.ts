import { lockWaits } from '../../pool/sqlite/lock-waits.ts'
import type { SqliteConnection } from '../../pool/sqlite/sqlite-connection.ts'
import { controlOf, refusal } from './control-statement.ts'
import { TEST, type TestSession, TRANSACTION } from './test-session.ts'

const NOTHING = 'SELECT 1 WHERE false'

/** An object in front of the driver's, which translates the statements that it is asked to prepare or execute. */
export class SqliteSession implements TestSession {
  readonly connection: SqliteConnection
  readonly #real: SqliteConnection
  #isOpen = false

  constructor(connection: SqliteConnection) {
    this.#real = connection
    const isOpen = () => this.#isOpen && connection.inTransaction
    this.connection = Object.create(connection, {
      prepare: { value: (sql: string) => connection.prepare(this.#translate(sql)) },
      exec: { value: (sql: string) => connection.exec(this.#translate(sql)) },
      // libsql has it as a property of its own that cannot be redefined there.
      inTransaction: { get: isOpen },
    })
  }

  async begin(): Promise<void> {
    await lockWaits.until(this.#real, () => this.#real.exec('BEGIN IMMEDIATE'))
    this.#real.exec(`SAVEPOINT ${TEST}`)
  }

  async rollBack(): Promise<boolean> {
    if (!this.connection.open) return true
    try {
      this.#real.exec(`ROLLBACK TO SAVEPOINT ${TEST}`)
      return true
    } catch {
      return false
    } finally {
      if (this.#real.inTransaction) this.#real.exec('ROLLBACK')
    }
  }

  #translate(sql: string): string {
    const wasOpen = this.#isOpen
    switch (controlOf(sql)) {
      case 'begin':
        this.#isOpen = true
        // SQLite itself refuses to begin twice.
        return wasOpen ? sql : `SAVEPOINT ${TRANSACTION}`
      case 'commit':
        this.#isOpen = false
        return wasOpen ? `RELEASE SAVEPOINT ${TRANSACTION}` : NOTHING
      case 'rollback':
        this.#isOpen = false
        return wasOpen ? `ROLLBACK TO SAVEPOINT ${TRANSACTION}` : NOTHING
      case 'refused':
        throw refusal(sql)
      default:
        return sql
    }
  }
}
