import pg from 'pg'
import { onTestFinished } from 'vitest'

/** One session of the server, as `pg_stat_activity` shows it. */
export interface Session {
  readonly pid: number
  readonly state: string
  readonly query: string
}

/** A connection beside all pools, to look at a database and to interfere with it. */
export class ServerView {
  readonly #client: pg.Client

  private constructor(client: pg.Client) {
    this.#client = client
  }

  /** Open until the current test has finished. */
  static async open(url: string): Promise<ServerView> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    onTestFinished(() => client.end())
    return new ServerView(client)
  }

  async query<Row = Record<string, unknown>>(sql: string, bindings: unknown[] = []): Promise<Row[]> {
    return (await this.#client.query(sql, bindings)).rows
  }

  /** The database's other sessions. */
  sessions(): Promise<Session[]> {
    return this.query<Session>(
      `select pid, state, query from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
    )
  }

  /** The session that runs a statement with `text` in it, if one does. */
  async running(text: string): Promise<Session | undefined> {
    return (await this.sessions()).find(({ state, query }) => state === 'active' && query.includes(text))
  }

  async terminate(pid: number): Promise<void> {
    await this.#client.query('select pg_terminate_backend($1)', [pid])
  }
}
