import type { Endpoint } from '../../topology/topology.ts'
import type { KnexClient } from '../knex-internals.ts'
import { firstRow, type MysqlConnection, type SessionBaseline, send, settled } from './mysql-connection.ts'

/** Both servers know it; a name that resolves elsewhere, or a proxy, leads to one with another. */
export const SERVER = "concat_ws('/', @@hostname, @@port, @@datadir)"

/**
 * Set by the driver's handshake (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_character_set.html
 * and the flag `IGNORE_SPACE`), and returned by a reset to the server's own values.
 */
const SET_BY_CONNECTING = [
  'sql_mode',
  'character_set_client',
  'character_set_results',
  'collation_connection',
]

/** Applies the settings that the shard declares, and remembers what the session is like then. */
export async function establishBaseline(
  connection: MysqlConnection,
  { session }: Endpoint,
  { driver }: KnexClient,
): Promise<SessionBaseline> {
  const names = SET_BY_CONNECTING.map((name) => `@@${name} as ${name}`).join(', ')
  const found = await firstRow(
    connection,
    `SELECT ${names}, ${SERVER} AS server, DATABASE() AS db, CURRENT_ROLE() AS role, VERSION() AS version, ` +
      '@@innodb_rollback_on_timeout AS rollsBackOnTimeout',
  )
  const role = found['role'] as string | null
  const assignments = [
    ...SET_BY_CONNECTING.map((name) => `SESSION ${name} = ${driver.escape(found[name])}`),
    ...Object.entries(session).map(([name, value]) => `SESSION ${name} = ${literal(value, driver)}`),
  ]
  const settings = `SET ${assignments.join(', ')}`
  if (Object.keys(session).length > 0) await send(connection, settings)
  return {
    server: String(found['server']),
    settings,
    database: found['db'] as string | null,
    role,
    setRole: roleStatement(role, String(found['version']), driver),
    rollsBackOnTimeout: Boolean(found['rollsBackOnTimeout']),
  }
}

/**
 * Resets the session (https://dev.mysql.com/doc/c-api/8.0/en/mysql-reset-connection.html): that rolls back, and removes
 * settings, variables, temporary tables, locks and prepared statements. Database and role stay what they have become.
 */
export async function returnToBaseline(connection: MysqlConnection, { driver }: KnexClient): Promise<void> {
  const { settings, database, role, setRole } = connection.baseline
  await settled((done) => connection.reset(done))
  await send(connection, settings)
  const now = await firstRow(connection, 'SELECT DATABASE() AS db, CURRENT_ROLE() AS role')
  if (now['role'] !== role) await send(connection, setRole)
  if (now['db'] === database) return
  if (database === null) throw new Error('a session cannot be brought back to having no database')
  await send(connection, `USE ${driver.escapeId(database, true)}`)
}

/** Numbers and words as SQL has them, everything else quoted. */
function literal(value: string, driver: KnexClient['driver']): string {
  return /^(?:-?\d+(?:\.\d+)?|true|false|on|off|default)$/i.test(value) ? value : driver.escape(value)
}

/** MySQL names a set of roles, ready to be used; MariaDB the one role, as it is. */
function roleStatement(role: string | null, version: string, driver: KnexClient['driver']): string {
  if (role === null) return 'SET ROLE NONE'
  return `SET ROLE ${version.includes('MariaDB') ? driver.escapeId(role, true) : role}`
}
