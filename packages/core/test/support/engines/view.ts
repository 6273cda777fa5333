import { onTestFinished } from 'vitest'

/** One session of a server. */
export interface Session {
  readonly pid: number
  readonly state: string
  readonly query: string
}

export interface ServerConnection {
  query(sql: string, bindings: unknown[]): Promise<Record<string, unknown>[]>
  sessions(): Promise<Session[]>
  terminate(pid: number): Promise<unknown>
  close(): Promise<void>
}

/** A connection beside all pools, to look at a database and to interfere with it; closed after the current test. */
export class View {
  readonly #connection: ServerConnection

  constructor(connection: ServerConnection) {
    this.#connection = connection
    onTestFinished(() => connection.close())
  }

  async query<Row = Record<string, unknown>>(sql: string, bindings: unknown[] = []): Promise<Row[]> {
    return (await this.#connection.query(sql, bindings)) as Row[]
  }

  /** The database's other sessions. */
  sessions(): Promise<Session[]> {
    return this.#connection.sessions()
  }

  /** The session that runs a statement with `text` in it, if one does. */
  async running(text: string): Promise<Session | undefined> {
    return (await this.sessions()).find(({ state, query }) => state === 'active' && query.includes(text))
  }

  async terminate(pid: number): Promise<void> {
    await this.#connection.terminate(pid)
  }
}
