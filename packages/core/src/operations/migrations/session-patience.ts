import type { Knex } from 'knex'
import { familyOf } from '../../config/clients.ts'

/** What would end a schema change that takes long, or a transaction in which a migration computes. */
const LIMITS = [
  'statement_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
]

/**
 * Takes the time limits off a session, whatever the role or the shard's configuration says, and has the server look
 * whether its client is still there while a statement runs: else a killed process would keep its locks to the end of it.
 * Returns what brings the session back. PostgreSQL's alone: https://www.postgresql.org/docs/current/runtime-config-client.html
 */
export async function makePatient(client: string, db: Knex): Promise<() => Promise<void>> {
  if (familyOf(client) !== 'postgres') return async () => {}
  const limits = () => db('pg_catalog.pg_settings').whereIn('name', LIMITS)
  await limits().select(db.raw("set_config(name, '0', false)"))
  const check = () => db('pg_catalog.pg_settings').where('name', 'client_connection_check_interval')
  // Refused where the server's system cannot know.
  await check()
    .select(db.raw("set_config(name, '1000', false)"))
    .catch(() => {})
  return async () => {
    await limits().select(db.raw('set_config(name, reset_val, false)'))
    await check().select(db.raw('set_config(name, reset_val, false)'))
  }
}
