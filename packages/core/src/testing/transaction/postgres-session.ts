import type { QueryResult } from 'pg'
import type { PostgresConnection } from '../../pool/postgres/postgres-connection.ts'
import { mayWrite } from '../../pool/write-detection.ts'
import { controlOf, refusal } from './control-statement.ts'
import { STATEMENT, TEST, type TestSession, TRANSACTION } from './test-session.ts'

type Callback = (error: unknown, result?: QueryResult) => void
type Query = string | { readonly text: string; readonly submit?: unknown }

/** A savepoint is gone back to again when a request to cancel has hit the way back. */
const ATTEMPTS = 5

const IN_FAILED_TRANSACTION = '25P02'

/**
 * node-postgres's client, with `query` and `getTransactionStatus` replaced on the instance: all that knex, a user's raw
 * handle and the pool send passes them.
 *
 * PostgreSQL refuses everything after an error until a savepoint is gone back to. So each statement outside of the users'
 * transactions has a savepoint of its own.
 */
export class PostgresSession implements TestSession {
  readonly connection: PostgresConnection
  readonly #send: (query: Query, values?: unknown) => Promise<QueryResult>
  readonly #realStatus: PostgresConnection['getTransactionStatus']
  /** Whether the users' transaction is open. */
  #isOpen = false
  /** A stream, whose end nobody tells, has run in the statement's savepoint. */
  #hasStreamed = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(connection: PostgresConnection) {
    this.connection = connection
    this.#send = connection.query.bind(connection) as never
    this.#realStatus = connection.getTransactionStatus.bind(connection)
  }

  async begin(): Promise<void> {
    await this.#send(`BEGIN; SAVEPOINT ${TEST}`)
    Object.assign(this.connection, {
      query: (query: Query, values?: unknown, callback?: Callback) => this.#query(query, values, callback),
      getTransactionStatus: () => this.#status(),
    })
  }

  async rollBack(): Promise<boolean> {
    for (const name of ['query', 'getTransactionStatus'] as const)
      delete (this.connection as Partial<PostgresConnection>)[name]
    try {
      await this.#send(`ROLLBACK TO SAVEPOINT ${TEST}`)
      return true
    } catch {
      return false
    } finally {
      await this.#send('ROLLBACK')
    }
  }

  #status(): 'I' | 'T' | 'E' | null {
    const status = this.#realStatus()
    return status === 'T' && !this.#isOpen ? 'I' : status
  }

  #query(query: Query, values: unknown, callback: Callback | undefined): unknown {
    if (typeof query === 'object' && typeof query.submit === 'function')
      return this.#stream(query, values, callback)
    const [bindings, done] =
      typeof values === 'function' ? [undefined, values as Callback] : [values, callback]
    const sql = typeof query === 'string' ? query : query.text
    const played = this.#inTurn(() => this.#play(sql, () => this.#send(query, bindings)))
    if (done === undefined) return played
    played.then(
      (result) => done(null, result),
      (error) => done(error),
    )
    return undefined
  }

  #inTurn<T>(fn: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(fn)
    this.#last = turn.catch(() => {})
    return turn
  }

  /** Its end is the business of whoever reads it; the next statement sees to what it has left. */
  #stream(stream: Query, values: unknown, callback: Callback | undefined): unknown {
    if (!this.#isOpen && !this.#hasStreamed) {
      this.#hasStreamed = true
      this.#send(`SAVEPOINT ${STATEMENT}`).catch(() => {})
    }
    return (this.#send as (...args: unknown[]) => unknown)(stream, values, callback)
  }

  async #play(sql: string, run: () => Promise<QueryResult>): Promise<QueryResult> {
    if (this.#hasStreamed) await this.#endStream()
    switch (controlOf(sql)) {
      case 'begin':
        // Begun already: the server warns, as it would.
        return this.#isOpen ? run() : this.#begin(sql)
      case 'commit':
        return this.#isOpen ? this.#commit() : this.#nothing('COMMIT')
      case 'rollback':
        return this.#isOpen ? this.#rollback() : this.#nothing('ROLLBACK')
      case 'characteristics':
        return this.#nothing('SET')
      case 'refused':
        throw refusal(sql)
    }
    if (this.#isOpen) return run()
    return this.#alone(sql, /^\s*discard\s+all\b/i.test(sql) ? () => this.#send(DISCARD_ALL) : run)
  }

  async #begin(sql: string): Promise<QueryResult> {
    const readOnly = /\bread\s+only\b/i.test(sql) ? '; SET TRANSACTION READ ONLY' : ''
    const result = await this.#send(`SAVEPOINT ${TRANSACTION}${readOnly}`)
    this.#isOpen = true
    return answer(result, 'BEGIN')
  }

  async #commit(): Promise<QueryResult> {
    try {
      const result = await this.#send(`${CHECK_DEFERRED}; RELEASE SAVEPOINT ${TRANSACTION}`)
      this.#isOpen = false
      return answer(result, 'COMMIT')
    } catch (error) {
      const answered = await this.#rollback()
      // After a statement that failed COMMIT rolls back, and says so.
      if ((error as { code?: string }).code === IN_FAILED_TRANSACTION) return answered
      throw error
    }
  }

  async #rollback(): Promise<QueryResult> {
    await this.#goBack(TRANSACTION)
    this.#isOpen = false
    return this.#nothing('ROLLBACK')
  }

  /** One statement outside of the users' transactions: a transaction of its own. */
  async #alone(sql: string, run: () => Promise<QueryResult>): Promise<QueryResult> {
    await this.#send(`SAVEPOINT ${STATEMENT}`)
    try {
      const result = await run()
      await this.#send(`${mayWrite(sql) ? `${CHECK_DEFERRED}; ` : ''}RELEASE SAVEPOINT ${STATEMENT}`)
      return result
    } catch (error) {
      await this.#goBack(STATEMENT)
      throw error
    }
  }

  async #endStream(): Promise<void> {
    this.#hasStreamed = false
    await this.#send(`RELEASE SAVEPOINT ${STATEMENT}`).catch(() => this.#goBack(STATEMENT))
  }

  async #goBack(savepoint: string): Promise<void> {
    for (let attempt = 1; !this.connection.__knex__disposed; attempt++) {
      try {
        await this.#send(`ROLLBACK TO SAVEPOINT ${savepoint}; RELEASE SAVEPOINT ${savepoint}`)
        return
      } catch (error) {
        if (attempt === ATTEMPTS) throw error
      }
    }
  }

  async #nothing(command: string): Promise<QueryResult> {
    return answer(await this.#send('SELECT WHERE false'), command)
  }
}

/** The result of the last statement, under the name of what it stands for. */
function answer(result: QueryResult | QueryResult[], command: string): QueryResult {
  const last = [result].flat().at(-1) as QueryResult
  last.command = command
  return last
}

/** COMMIT checks deferred constraints, and leaves them as deferred as they are declared. */
const CHECK_DEFERRED = `DO $sherd$ DECLARE names text; BEGIN
  SET CONSTRAINTS ALL IMMEDIATE;
  SELECT string_agg(DISTINCT format('%I.%I', n.nspname, c.conname), ', ') INTO names
    FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE c.condeferred;
  IF names IS NOT NULL THEN EXECUTE 'SET CONSTRAINTS ' || names || ' DEFERRED'; END IF;
END $sherd$`

/** What it is made of (https://www.postgresql.org/docs/current/sql-discard.html): each may run in a transaction. */
const DISCARD_ALL = [
  'CLOSE ALL',
  'SET SESSION AUTHORIZATION DEFAULT',
  'RESET ALL',
  'DEALLOCATE ALL',
  'UNLISTEN *',
  'SELECT pg_advisory_unlock_all()',
  'DISCARD PLANS',
  'DISCARD TEMP',
  'DISCARD SEQUENCES',
].join(';')
