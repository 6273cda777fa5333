import type { DatabaseIdentity } from '../database-identity.ts'
import type { PostgresConnection } from './postgres-connection.ts'

/** Databases that speak PostgreSQL's protocol without being PostgreSQL do not have the function, or keep it back. */
const CANNOT_TELL = new Set(['42883', '42501', '0A000', '55000'])

/** The cluster's system identifier, which standbys share and copies made by dump and restore do not. */
const DATABASE = `concat_ws('/', system_identifier, current_database(), current_schema())`

/** The first digits of a log file's name say on which timeline it was written; a standby writes none. */
const HISTORY = `pg_is_in_recovery(),
  CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END`

export async function identifyDatabase(
  connection: PostgresConnection,
): Promise<DatabaseIdentity | undefined> {
  const row = (await ask(connection, `${DATABASE}, ${HISTORY}`)) ?? (await ask(connection, DATABASE))
  if (row === undefined) return undefined
  const [database, isStandby = false, timeline] = row
  return {
    database: database as string,
    isStandby: isStandby as boolean,
    timeline: (timeline as string | null | undefined) ?? undefined,
  }
}

async function ask(connection: PostgresConnection, columns: string): Promise<unknown[] | undefined> {
  try {
    const text = `SELECT ${columns} FROM pg_control_system()`
    const { rows } = await connection.query({ text, rowMode: 'array' })
    return rows[0]
  } catch (error) {
    if (CANNOT_TELL.has((error as { code: string }).code)) return undefined
    throw error
  }
}
