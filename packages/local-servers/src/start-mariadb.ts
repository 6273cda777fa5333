import { randomBytes } from 'node:crypto'
import mysql from 'mysql2/promise'
import type { StopMode } from './start-postgres.ts'
import { mariadbPrograms } from './supervisor/mariadb-programs.mjs'
import { Supervisor } from './supervisor.ts'

export interface MariadbOptions {
  /** @default 200 */
  readonly maxConnections?: number
  /** Further options of the server, such as `{ innodb_lock_wait_timeout: 1 }`. They win over all defaults. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

export interface MariadbServer extends AsyncDisposable {
  /** Of the server without a database, with user and password. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** The process id of the server; another one after a restart. */
  readonly pid: number
  /** Holds everything the server writes; removed when it stops. */
  readonly folder: string
  urlOf(database: string): string
  /** @param name @default a unique one @returns its URL */
  createDatabase(name?: string): Promise<string>
  dropDatabase(name: string): Promise<void>
  /** Ends the server and removes its folder. @default mode 'fast' */
  stop(options?: { readonly mode?: StopMode }): Promise<void>
  /** Stops and starts on the same port with the same data; after `kill()` it recovers. @default mode 'fast' */
  restart(options?: { readonly mode?: StopMode }): Promise<void>
  /** Ends the server with SIGKILL; the data stays for `restart()`. */
  kill(): Promise<void>
}

const HOST = '127.0.0.1'
const USER = 'root'

const DEFAULT_SETTINGS = {
  // Commits survive a crash of the server; those of the machine matter to nobody here.
  innodb_flush_log_at_trx_commit: '0',
  innodb_buffer_pool_size: '32M',
  innodb_log_file_size: '16M',
}

/** Why {@link startMariadb} cannot work on this machine; undefined when it can. */
export function whyNoMariadb(): string | undefined {
  return mariadbPrograms() === undefined ? 'there is no mariadbd on this machine' : undefined
}

/**
 * Starts a real MariaDB server of its own, if one is installed: on the loopback interface, on a free port, in a
 * temporary folder. It ends with this process, whatever ends that, and never keeps it alive.
 */
export async function startMariadb(options: MariadbOptions = {}): Promise<MariadbServer> {
  const password = randomBytes(16).toString('hex')
  const settings = Object.fromEntries(
    Object.entries({
      ...DEFAULT_SETTINGS,
      max_connections: options.maxConnections ?? 200,
      ...options.settings,
    }).map(([name, value]) => [name, String(value)]),
  )
  const supervisor = new Supervisor('mariadb')
  let running = await supervisor.start({ password, settings })

  const urlOf = (database: string) =>
    `mysql://${USER}:${password}@${HOST}:${running.port}/${encodeURIComponent(database)}`

  const execute = async (statement: string) => {
    const connection = await mysql.createConnection(urlOf(''))
    try {
      await connection.query(statement)
    } finally {
      await connection.end()
    }
  }

  const stop: MariadbServer['stop'] = ({ mode = 'fast' } = {}) => supervisor.stop(mode)

  return {
    host: HOST,
    user: USER,
    password,
    url: urlOf(''),
    port: running.port,
    folder: running.folder,
    get pid() {
      return running.pid
    },
    urlOf,
    async createDatabase(name = `db_${randomBytes(6).toString('hex')}`) {
      await execute(`CREATE DATABASE ${mysql.escapeId(name, true)}`)
      return urlOf(name)
    },
    dropDatabase: (name) => execute(`DROP DATABASE IF EXISTS ${mysql.escapeId(name, true)}`),
    stop,
    async restart({ mode = 'fast' } = {}) {
      running = await supervisor.restart(mode)
    },
    kill: () => supervisor.kill(),
    [Symbol.asyncDispose]: () => stop(),
  }
}
