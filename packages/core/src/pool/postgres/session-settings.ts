import type { Endpoint } from '../../topology/topology.ts'
import type { PostgresConnection } from './postgres-connection.ts'

/** A setting's name and its value, as start-up options and `set_config` have it. */
export type SessionSetting = readonly [name: string, value: string]

/** What the shard's configuration says about each of its sessions. */
export function sessionSettings({ session, knex }: Endpoint): readonly SessionSetting[] {
  const searchPath = knex.searchPath === undefined ? {} : { search_path: quotedPath(knex.searchPath) }
  return Object.entries({ ...searchPath, ...session })
}

/** https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS */
export function asStartupOptions(settings: readonly SessionSetting[]): string {
  return settings.map(([name, value]) => `-c ${name}=${escapeOption(value)}`).join(' ')
}

/**
 * Sets them in a session that could not be started with them: they have to be set again after each `DISCARD ALL`.
 * `SET` would take a list, such as a search path, for one name.
 */
export async function replaySettings(
  connection: PostgresConnection,
  settings: readonly SessionSetting[],
): Promise<void> {
  const calls = settings.map(
    ([name, value]) =>
      `set_config(${connection.escapeLiteral(name)}, ${connection.escapeLiteral(value)}, false)`,
  )
  await connection.query(`SELECT ${calls.join(', ')}`)
}

/**
 * Whether somebody between here and the server, such as PgBouncer, takes no start-up options
 * (https://www.pgbouncer.org/config.html#ignore_startup_parameters).
 */
export function refusesStartupOptions(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown }
  return code === '08P01' && /unsupported startup parameter/i.test(String(message))
}

function quotedPath(searchPath: string | readonly string[]): string {
  return [searchPath]
    .flat()
    .map((schema) => `"${schema.replaceAll('"', '""')}"`)
    .join(',')
}

function escapeOption(value: string): string {
  return value.replaceAll(/[\\\s]/g, (character) => `\\${character}`)
}
