import type { PostgresConnection } from './postgres-connection.ts'
import type { SessionSetting } from './session-settings.ts'

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
