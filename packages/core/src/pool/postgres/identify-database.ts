import type { PostgresConnection } from './postgres-connection.ts'

/** Databases that speak PostgreSQL's protocol without being PostgreSQL do not have the function, or keep it back. */
const CANNOT_TELL = new Set(['42883', '42501', '0A000'])

/** The cluster's system identifier, which replicas share and copies made by dump and restore do not. */
export async function identifyDatabase(connection: PostgresConnection): Promise<string | undefined> {
  try {
    const { rows } = await connection.query({
      text: "SELECT concat_ws('/', system_identifier, current_database(), current_schema()) FROM pg_control_system()",
      rowMode: 'array',
    })
    return rows[0]?.[0]
  } catch (error) {
    if (CANNOT_TELL.has((error as { code: string }).code)) return undefined
    throw error
  }
}
