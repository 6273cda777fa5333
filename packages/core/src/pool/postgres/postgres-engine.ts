import type { Endpoint } from '../../topology/topology.ts'
import type { Clock } from '../../util/clock.ts'
import { within } from '../../util/within.ts'
import type { Cursor, CursorOptions, Engine, Statement } from '../engine.ts'
import type { KnexClient } from '../knex-internals.ts'
import type { RawConnection } from '../raw-connection.ts'
import { cancelOnServer } from './cancel.ts'
import { connectionSettings } from './connection-settings.ts'
import { PostgresCursor } from './cursor.ts'
import { failureOf } from './failure-of.ts'
import { identifyDatabase } from './identify-database.ts'
import { replayProgress, writtenPosition } from './log-position.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import { SchemaChanges } from './proof/schema-changes.ts'
import { SessionTraces } from './proof/session-traces.ts'
import { refusesStartupOptions, replaySettings } from './replay-settings.ts'
import { isClean, resetSession, settlesOutsideTransactions } from './session-reset.ts'
import { asStartupOptions, sessionSettings } from './session-settings.ts'

/** How long the server may take to end a session before the socket is destroyed. */
const CLOSE_MS = 500

/** PostgreSQL through node-postgres. */
export function createPostgresEngine(endpoint: Endpoint, client: KnexClient, clock: Clock): Engine {
  const settings = sessionSettings(endpoint)
  const changes = new SchemaChanges()
  /** Of connections that are scrubbed only where something may have changed. */
  const traces = new WeakMap<RawConnection, SessionTraces>()
  let opened = 0
  let takesStartupOptions = settings.length > 0

  async function open(
    signal: AbortSignal,
    onLost: (connection: RawConnection) => void,
  ): Promise<RawConnection> {
    const startupOptions = takesStartupOptions ? asStartupOptions(settings) : ''
    const connection: PostgresConnection = new client.driver.Client(
      await connectionSettings(client, startupOptions),
    )
    // As knex's own dialect does: the pool looks at the mark.
    connection.on('error', (error) => {
      connection.__knex__disposed = error
      onLost(connection)
    })
    connection.on('end', () => {
      connection.__knex__disposed ??= 'the connection ended'
      onLost(connection)
    })
    const abort = () => connection.connection.stream.destroy()
    signal.addEventListener('abort', abort, { once: true })
    try {
      await connection.connect()
      if (startupOptions === '' && settings.length > 0) {
        connection.replayed = settings
        await replaySettings(connection, settings)
      }
      client.version ??= await client.checkVersion(connection)
      signal.throwIfAborted()
      connection.__knexUid = `${endpoint.id}#${++opened}`
      if (endpoint.scrub === 'auto') {
        const maxAgeMs = endpoint.catalogueMaxAgeMs
        traces.set(connection, new SessionTraces({ connection, changes, clock, maxAgeMs }))
      }
      return connection
    } catch (error) {
      connection.connection.stream.destroy()
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  return {
    async open(signal, onLost) {
      try {
        return await open(signal, onLost)
      } catch (error) {
        if (settings.length === 0 || !refusesStartupOptions(error)) throw error
        takesStartupOptions = false
        return await open(signal, onLost)
      }
    },

    async settle(connection) {
      await traces.get(connection)?.settle()
    },

    distrust: (connection) => traces.get(connection)?.distrust(),

    isClean: (connection) => isClean(connection as PostgresConnection, endpoint, traces.get(connection)),

    reset: (connection) => resetSession(connection as PostgresConnection, endpoint, traces.get(connection)),

    isInTransaction: (connection) => (connection as PostgresConnection).getTransactionStatus() !== 'I',

    identify: (connection) => identifyDatabase(connection as PostgresConnection),

    position: (connection) => writtenPosition(connection as PostgresConnection),
    progress: (connection) => replayProgress(connection as PostgresConnection),

    keepAlive(connection, isAlive) {
      if (isAlive) (connection as PostgresConnection).ref()
      else (connection as PostgresConnection).unref()
    },

    /** An empty query: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SIMPLE-QUERY */
    async ping(connection) {
      await (connection as PostgresConnection).query('')
    },

    async close(raw) {
      const connection = raw as PostgresConnection
      const isBusy = !connection.readyForQuery && !connection.__knex__disposed
      connection.__knex__disposed ??= 'closed by the pool'
      // A server that computes does not notice that nobody waits for its answer any more.
      if (isBusy) await cancelOnServer(connection, client, CLOSE_MS).catch(() => {})
      await within(CLOSE_MS, connection.end()).catch(() => connection.connection.stream.destroy())
    },

    cancel(connection) {
      // Should the server act on it late, it hits the scrub instead of the next borrower.
      traces.get(connection)?.distrust()
      return cancelOnServer(connection as PostgresConnection, client, endpoint.pool.connectTimeoutMs)
    },

    failureOf: (error, connection) => failureOf(error, connection as PostgresConnection, endpoint),

    sever(raw) {
      const connection = raw as PostgresConnection
      connection.__knex__disposed ??= 'severed'
      connection.connection.stream.destroy()
    },

    fateOfCommit: async (connection) =>
      (await settlesOutsideTransactions(connection as PostgresConnection)) ? 'rolled back' : 'unknown',

    committed: (answer) => (answer as { response?: { command?: string } }).response?.command !== 'ROLLBACK',

    begin: (sql) => sql,

    cursor: (statement: Statement, options: CursorOptions): Cursor | undefined =>
      PostgresCursor.canRead(statement.sql) ? new PostgresCursor(statement, options) : undefined,
  }
}
