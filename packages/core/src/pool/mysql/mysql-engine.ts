import { once } from 'node:events'
import type { Endpoint } from '../../topology/topology.ts'
import { within } from '../../util/within.ts'
import { plainIdentity } from '../database-identity.ts'
import type { Engine } from '../engine.ts'
import type { KnexClient } from '../knex-internals.ts'
import { cancelOnServer } from './cancel.ts'
import { failureOf } from './failure-of.ts'
import { firstRow, type MysqlConnection, send, settled } from './mysql-connection.ts'
import { replicaProgress } from './replica-progress.ts'
import { establishBaseline, returnToBaseline, SERVER } from './session-baseline.ts'

/** How long the server may take to end a session before the socket is destroyed. */
const CLOSE_MS = 500
/** A busy session, or one with much to roll back, is given up after this. */
const RESET_MS = 1000
/** For the answer that a session is still there. */
const SETTLE_MS = 1000

/** MySQL and MariaDB through mysql2. */
export function createMysqlEngine(endpoint: Endpoint, client: KnexClient): Engine {
  let opened = 0
  return {
    async open(signal, onLost) {
      const connection = await connect(client, signal)
      try {
        const lost = (reason: unknown) => {
          connection.__knex__disposed ??= reason
          onLost(connection)
        }
        connection.on('error', lost)
        // An error that a query was told is told nobody else.
        connection.stream.once('close', () => lost('the connection ended'))
        connection.baseline = await establishBaseline(connection, endpoint, client)
        signal.throwIfAborted()
        connection.__knexUid = `${endpoint.id}#${++opened}`
        return connection
      } catch (error) {
        drop(connection)
        throw error
      }
    },

    reset(raw) {
      const connection = raw as MysqlConnection
      return (async () => {
        // The server does not say whether a transaction is open.
        if (endpoint.scrub === 'never') return void (await within(RESET_MS, send(connection, 'ROLLBACK')))
        await within(RESET_MS, returnToBaseline(connection, client))
        await within(RESET_MS, Promise.resolve(endpoint.afterCreate?.(connection)))
      })()
    },

    /** Replicas have no name in common with their primary: each database is known by its primary alone. */
    async identify(connection) {
      if (endpoint.kind === 'replica') return undefined
      const sql = `SELECT concat_ws('/', ${SERVER}, DATABASE()) AS identity`
      return plainIdentity(String((await firstRow(connection as MysqlConnection, sql))['identity']))
    },

    progress: (connection) => replicaProgress(connection as MysqlConnection),

    keepAlive(connection, isAlive) {
      if (isAlive) (connection as MysqlConnection).stream.ref()
      else (connection as MysqlConnection).stream.unref()
    },

    async ping(connection) {
      await settled((done) => (connection as MysqlConnection).ping(done))
    },

    async close(raw) {
      const connection = raw as MysqlConnection
      connection.__knex__disposed ??= 'closed by the pool'
      const ended = connection.stream.closed ? Promise.resolve() : once(connection.stream, 'close')
      const quit = connection.stream.destroyed ? undefined : settled((done) => connection.end(done))
      await within(CLOSE_MS, Promise.all([quit, ended])).catch(() => {})
      drop(connection)
    },

    cancel: (connection) =>
      cancelOnServer(connection as MysqlConnection, client, endpoint.pool.connectTimeoutMs),

    failureOf: (error, connection) => failureOf(error, connection as MysqlConnection, endpoint),

    /** Without `destroy()`, after which the driver tells nobody anything. */
    sever(raw) {
      const connection = raw as MysqlConnection
      connection.__knex__disposed ??= 'severed'
      connection.stream.destroy()
    },

    /** A session that answers is no longer committing; what it was told about COMMIT was the server's word. */
    async fateOfCommit(raw) {
      const connection = raw as MysqlConnection
      if (connection.__knex__disposed) return 'unknown'
      try {
        await within(
          SETTLE_MS,
          settled((done) => connection.ping(done)),
        )
        return 'open'
      } catch {
        return 'unknown'
      }
    },

    committed: () => true,
    begin: (sql) => sql,
    cursor: () => undefined,
  }
}

async function connect(client: KnexClient, signal: AbortSignal): Promise<MysqlConnection> {
  // As knex's own pool does before it asks its dialect for a connection.
  if (client.connectionConfigProvider !== undefined) {
    client.connectionSettings = await client.connectionConfigProvider()
  }
  signal.throwIfAborted()
  const connection: MysqlConnection = client.driver.createConnection(client.connectionSettings)
  // Whoever waits for a command is told by it; without a listener the rest would end the process.
  connection.on('error', () => {})
  const abort = () => drop(connection)
  signal.addEventListener('abort', abort, { once: true })
  try {
    await settled((done) => connection.connect(done))
    return connection
  } catch (error) {
    drop(connection)
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** mysql2's `destroy()` says goodbye, and waits for an answer that a broken network never brings. */
function drop(connection: MysqlConnection): void {
  connection.destroy()
  connection.stream.destroy()
}
