import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { Supervisor } from './supervisor.ts'

export type StopMode = 'fast' | 'immediate'

export interface PostgresOptions {
  /** @default 200 */
  readonly maxConnections?: number
  /** Further settings of postgresql.conf, such as `{ wal_level: 'logical' }`. They win over all defaults. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

export interface PostgresServer extends AsyncDisposable {
  /** Of the database `postgres`, with user and password. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly settings: Readonly<Record<string, string>>
  /** The process id of the postmaster; another one after a restart. */
  readonly pid: number
  /** Holds everything the server writes; removed when it stops. */
  readonly folder: string
  urlOf(database: string): string
  /** @param name @default a unique one @returns its URL */
  createDatabase(name?: string): Promise<string>
  /** Closes its connections, whoever has them. */
  dropDatabase(name: string): Promise<void>
  /** Ends the server and removes its folder. @default mode 'fast' */
  stop(options?: { readonly mode?: StopMode }): Promise<void>
  /** Stops for now: it refuses connections until `restart()`. @default mode 'fast' */
  halt(options?: { readonly mode?: StopMode }): Promise<void>
  /** Stops and starts on the same port with the same data; after `kill()` it recovers. @default mode 'fast' */
  restart(options?: { readonly mode?: StopMode }): Promise<void>
  /** Ends the postmaster with SIGKILL; the data stays for `restart()`. */
  kill(): Promise<void>
}

const HOST = '127.0.0.1'
const USER = 'postgres'

const DEFAULT_SETTINGS = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  timezone: 'UTC',
  // Commits survive a crash of the server; those of the machine matter to nobody here.
  fsync: 'off',
  full_page_writes: 'off',
  // What a standby has missed while it was halted.
  wal_keep_size: '256MB',
}

/**
 * Starts a real PostgreSQL server of its own: on the loopback interface, on a free port, in a temporary folder.
 * It ends with this process, whatever ends that, and never keeps it alive.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const password = randomBytes(16).toString('hex')
  const settings: Readonly<Record<string, string>> = Object.freeze({
    ...DEFAULT_SETTINGS,
    max_connections: String(options.maxConnections ?? 200),
    ...Object.fromEntries(
      Object.entries(options.settings ?? {}).map(([name, value]) => [name, String(value)]),
    ),
  })
  const supervisor = new Supervisor('postgres')
  let running = await supervisor.start({ password, settings })

  const urlOf = (database: string) =>
    `postgres://${USER}:${password}@${HOST}:${running.port}/${encodeURIComponent(database)}`

  const execute = async (statement: string) => {
    const client = new pg.Client({ connectionString: urlOf('postgres'), ssl: false })
    await client.connect()
    try {
      await client.query(statement)
    } finally {
      await client.end()
    }
  }

  const stop: PostgresServer['stop'] = ({ mode = 'fast' } = {}) => supervisor.stop(mode)

  return {
    host: HOST,
    user: USER,
    password,
    settings,
    url: urlOf('postgres'),
    port: running.port,
    folder: running.folder,
    get pid() {
      return running.pid
    },
    urlOf,
    async createDatabase(name = `db_${randomBytes(6).toString('hex')}`) {
      await execute(`CREATE DATABASE ${pg.escapeIdentifier(name)}`)
      return urlOf(name)
    },
    async dropDatabase(name) {
      await execute(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`)
    },
    stop,
    halt: ({ mode = 'fast' } = {}) => supervisor.halt(mode),
    async restart({ mode = 'fast' } = {}) {
      running = await supervisor.restart(mode)
    },
    kill: () => supervisor.kill(),
    [Symbol.asyncDispose]: () => stop(),
  }
}
