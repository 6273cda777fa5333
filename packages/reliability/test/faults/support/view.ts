import { randomBytes } from 'node:crypto'
import pg from 'pg'

export interface Session {
  readonly pid: number
  readonly state: string
  readonly query: string
}

/** A look at a database past all proxies and pools, and a hand in it. */
export class View implements AsyncDisposable {
  readonly #client: pg.Client

  private constructor(client: pg.Client) {
    this.#client = client
  }

  static async open(url: string): Promise<View> {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {}) // Its server may be the one that dies.
    await client.connect()
    return new View(client)
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever the statement selects
  async query(text: string, values: unknown[] = []): Promise<Record<string, any>[]> {
    return (await this.#client.query(text, values)).rows
  }

  /** All sessions in this database but this one. */
  async sessions(): Promise<Session[]> {
    return (await this.query(
      `select pid, state, query from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
    )) as Session[]
  }

  close(): Promise<void> {
    return this.#client.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** An empty database on a server. @returns its URL */
export async function createDatabaseOn(server: string): Promise<string> {
  const name = `fault_${randomBytes(6).toString('hex')}`
  await using view = await View.open(server)
  await view.query(`create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

export async function dropDatabase(database: string, server: string): Promise<void> {
  await using view = await View.open(server)
  await view.query(`drop database if exists ${new URL(database).pathname.slice(1)} with (force)`)
}
