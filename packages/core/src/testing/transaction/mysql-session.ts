import { type MysqlConnection, send } from '../../pool/mysql/mysql-connection.ts'
import { controlOf, refusal } from './control-statement.ts'
import { SessionVariables } from './mysql-session-variables.ts'
import { TEST, type TestSession, TRANSACTION } from './test-session.ts'

type Done = (error: unknown) => void

const NOTHING = 'DO 0'

/** Statements that commit what is open (https://dev.mysql.com/doc/refman/8.4/en/implicit-commit.html). */
const COMMITS =
  /^\s*(?:(?:create|drop)\b(?!\s+(?:or\s+replace\s+)?temporary\b)|(?:alter|rename|truncate|grant|revoke|analyze|optimize|repair|flush|xa)\b|(?:un)?lock\s+tables?\b|set\s+(?:session\s+|@@(?:session\.)?)?autocommit\b)/i

/**
 * mysql2's connection, with the statements of `query` and `execute` translated one by one and `reset` replaced: a
 * `COM_RESET_CONNECTION` would roll the test's transaction back. A statement that fails spoils nothing in MySQL.
 */
export class MysqlSession implements TestSession {
  readonly connection: MysqlConnection
  #variables: SessionVariables | undefined
  #isOpen = false

  constructor(connection: MysqlConnection) {
    this.connection = connection
  }

  async begin(): Promise<void> {
    const { connection } = this
    this.#variables = await SessionVariables.read(connection)
    await send(connection, 'START TRANSACTION')
    await send(connection, `SAVEPOINT ${TEST}`)
    const translating = (method: (statement: unknown, ...rest: unknown[]) => unknown) => {
      return (statement: unknown, ...rest: unknown[]) =>
        method.call(connection, this.#inStatement(statement), ...rest)
    }
    Object.assign(connection, {
      query: translating(connection.query as never),
      execute: translating(connection.execute as never),
      reset: (done: Done) => {
        this.#reset().then(() => done(null), done)
      },
    })
  }

  async rollBack(): Promise<boolean> {
    const { connection } = this
    for (const name of ['query', 'execute', 'reset'] as const)
      delete (connection as Partial<MysqlConnection>)[name]
    try {
      await send(connection, `ROLLBACK TO SAVEPOINT ${TEST}`)
      return true
    } catch {
      return false
    } finally {
      await send(connection, 'ROLLBACK')
    }
  }

  /** A statement as text, or as the object that mysql2 takes. */
  #inStatement(statement: unknown): unknown {
    if (typeof statement === 'string') return this.#translate(statement)
    const { sql } = statement as { sql: string }
    const translated = this.#translate(sql)
    return translated === sql ? statement : Object.assign(statement as object, { sql: translated })
  }

  #translate(sql: string): string {
    const wasOpen = this.#isOpen
    switch (controlOf(sql)) {
      case 'begin':
        // Of one name there is one savepoint: the server commits what is open, too.
        this.#isOpen = true
        return `SAVEPOINT ${TRANSACTION}`
      case 'commit':
        this.#isOpen = false
        return wasOpen ? `RELEASE SAVEPOINT ${TRANSACTION}` : NOTHING
      case 'rollback':
        this.#isOpen = false
        return wasOpen ? `ROLLBACK TO SAVEPOINT ${TRANSACTION}` : NOTHING
      case 'characteristics':
        return NOTHING
      case 'refused':
        throw refusal(sql)
      default:
        if (COMMITS.test(sql)) throw refusal(sql)
        return sql
    }
  }

  /** What the server's own reset does, as far as statements can. */
  async #reset(): Promise<void> {
    if (this.#isOpen) await send(this.connection, 'ROLLBACK')
    await send(this.connection, 'SELECT RELEASE_ALL_LOCKS(), LAST_INSERT_ID(0)')
    await this.#variables?.restore(this.connection)
  }
}
