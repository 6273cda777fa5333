import type { Endpoint } from '../../topology/topology.ts'
import { within } from '../../util/within.ts'
import type { Engine } from '../engine.ts'
import type { KnexClient } from '../knex-internals.ts'
import { mayWrite } from '../write-detection.ts'
import { identifyFile } from './identify-file.ts'
import { lockWaits } from './lock-waits.ts'
import { readPragmas, setPragma } from './pragmas.ts'
import { endTransaction, resetSession } from './session-reset.ts'
import { rowsOf, type SqliteConnection } from './sqlite-connection.ts'
import { SqliteCursor } from './sqlite-cursor.ts'
import type { SqliteClient } from './sqlite-dialect.ts'

/** As better-sqlite3 has it where nothing else is said. */
const PATIENCE_MS = 5000
const SCRUB_MS = 1000

/** SQLite in this process, through better-sqlite3 or libsql: a connection is a handle on a file. */
export function createSqliteEngine(endpoint: Endpoint, client: KnexClient): Engine {
  const dialect = client as unknown as SqliteClient
  let opened = 0
  return {
    async open() {
      const { filename, options } = await settingsOf(client)
      const connection: SqliteConnection = new client.driver(filename, { ...options, timeout: 0 })
      const safeIntegers = dialect._optSafeIntegers?.(options)
      if (safeIntegers !== undefined) connection.defaultSafeIntegers(safeIntegers)
      const { busy_timeout: patience = PATIENCE_MS, ...session } = endpoint.session
      connection.patienceMs = Number(patience)
      try {
        const isReading = endpoint.kind === 'replica' || options?.['readonly'] === true
        await lockWaits.until(connection, () => prepare(connection, session, isReading))
        // Only who has read the file knows that it has a write-ahead log, and some defaults depend on that.
        await lockWaits.until(connection, () => rowsOf(connection, 'SELECT count(*) FROM sqlite_master'))
        connection.baseline = readPragmas(connection)
        connection.__knexUid = `${endpoint.id}#${++opened}`
        return connection
      } catch (error) {
        connection.close()
        throw error
      }
    },

    reset(raw) {
      const connection = raw as SqliteConnection
      return (async () => {
        if (!connection.open) throw new Error('the connection was closed under its user')
        if (endpoint.scrub === 'never') return endTransaction(connection)
        resetSession(connection)
        await within(SCRUB_MS, Promise.resolve(endpoint.afterCreate?.(connection)))
      })()
    },

    isInTransaction: (connection) => (connection as SqliteConnection).inTransaction,

    identify: async (connection) => identifyFile(connection as SqliteConnection),

    /** There is no socket that could keep it alive. */
    keepAlive: () => {},

    async close(raw) {
      const connection = raw as SqliteConnection
      connection.__knex__disposed ??= 'closed by the pool'
      lockWaits.giveUp(connection)
      try {
        if (connection.open) connection.close()
      } catch {
        // Somebody still iterates a statement of it; it goes with that.
      }
    },

    /** A statement that runs lets nobody in; one that waits for a lock is told to give up. */
    cancel: async (connection) => lockWaits.giveUp(connection),

    /** What goes wrong in a file goes wrong for every handle on it. */
    failureOf: () => undefined,

    sever(raw) {
      const connection = raw as SqliteConnection
      connection.__knex__disposed ??= 'severed'
      lockWaits.giveUp(connection)
    },

    async fateOfCommit(raw) {
      const connection = raw as SqliteConnection
      if (!connection.open) return 'unknown'
      return connection.inTransaction ? 'open' : 'rolled back'
    },

    committed: () => true,

    /**
     * Whoever begins by reading cannot go on to write once somebody else has written meanwhile; so writers take the lock
     * first (https://www.sqlite.org/lang_transaction.html).
     */
    begin: (sql, isReading) => (isReading ? sql : 'BEGIN IMMEDIATE;'),

    cursor: ({ sql, bindings }, options) =>
      mayWrite(sql)
        ? undefined
        : new SqliteCursor({ sql, bindings: dialect._formatBindings(bindings) }, options),
  }
}

interface Settings {
  readonly filename: string
  readonly options?: Readonly<Record<string, unknown>>
}

async function settingsOf(client: KnexClient): Promise<Settings> {
  const settings = await (client.connectionConfigProvider?.() ?? client.connectionSettings)
  return typeof settings === 'string' ? { filename: settings } : settings
}

/** What the shard declares goes before what is best for several connections of one process. */
function prepare(
  connection: SqliteConnection,
  session: Readonly<Record<string, string>>,
  isReading: boolean,
): void {
  const [main] = rowsOf(connection, 'PRAGMA journal_mode')
  const isFile = main?.['journal_mode'] !== 'memory'
  // With a write-ahead log readers and the writer do not wait for each other: https://www.sqlite.org/wal.html
  if (isFile && !isReading && main?.['journal_mode'] !== 'wal' && session['journal_mode'] === undefined) {
    connection.exec('PRAGMA journal_mode = wal')
  }
  for (const [name, value] of Object.entries(session)) setPragma(connection, name, value)
  // libsql passes over the option `readonly`.
  if (isReading) connection.exec('PRAGMA query_only = 1')
}
