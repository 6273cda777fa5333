import { once } from 'node:events'
import type { Endpoint } from '../../topology/topology.ts'
import { within } from '../../util/within.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import type { SessionTraces } from './proof/session-traces.ts'
import { replaySettings } from './replay-settings.ts'

const ROLLBACK_MS = 250
const SCRUB_MS = 1000
/** For databases with very many tables. */
const CATALOGUE_MS = 5000
/** From a statement's error to the server's word that it is ready: they travel together. */
const SETTLE_MS = 1000

/** Whether it is in that state, and idle; `traces` where that is known of it. */
export function isClean(
  connection: PostgresConnection,
  { scrub }: Endpoint,
  traces?: SessionTraces,
): boolean {
  return (scrub === 'never' || traces?.isClean === true) && isKnownIdle(connection)
}

/**
 * Brings a session back to the state it had after connecting. Rejects unless the server has confirmed every step.
 *
 * The baseline survives because it is made of start-up options, which `DISCARD ALL` returns to, or is set again where a
 * proxy takes none, and because the user's `afterCreate` runs again.
 */
export async function resetSession(
  connection: PostgresConnection,
  { scrub, afterCreate }: Endpoint,
  traces?: SessionTraces,
): Promise<void> {
  await within(ROLLBACK_MS, endTransaction(connection))
  if (scrub === 'never') return
  traces?.prepare()
  await within(SCRUB_MS, removeTraces(connection))
  if (connection.replayed !== undefined) {
    await within(SCRUB_MS, replaySettings(connection, connection.replayed))
  }
  await within(SCRUB_MS, Promise.resolve(afterCreate?.(connection)))
  if (traces !== undefined) await within(CATALOGUE_MS, traces.settle())
}

/** Whether the session is about to be idle outside of transactions, and neither broken nor busy. */
export async function settlesOutsideTransactions(connection: PostgresConnection): Promise<boolean> {
  try {
    if (!connection.readyForQuery && !connection.__knex__disposed)
      await within(SETTLE_MS, once(connection, 'drain'))
    return isKnownIdle(connection) && !connection.__knex__disposed
  } catch {
    return false
  }
}

/** The status is only as fresh as the last ReadyForQuery: the driver reports an error before it. */
function isKnownIdle(connection: PostgresConnection): boolean {
  return connection.readyForQuery && connection.getTransactionStatus() === 'I'
}

async function endTransaction(connection: PostgresConnection): Promise<void> {
  if (!connection.readyForQuery) await once(connection, 'drain')
  if (isKnownIdle(connection)) return
  await connection.query('ROLLBACK')
  if (!isKnownIdle(connection)) throw new Error('the transaction is still open after ROLLBACK')
}

async function removeTraces(connection: PostgresConnection): Promise<void> {
  if (!usesNamedStatements(connection)) {
    await connection.query('DISCARD ALL')
    return
  }
  const results = await connection.query(DISCARD_ALL_BUT_DRIVER_STATEMENTS)
  const preparedBySql = (results as unknown as { rows: { name: string }[] }[]).at(-1)?.rows ?? []
  for (const { name } of preparedBySql)
    await connection.query(`DEALLOCATE ${connection.escapeIdentifier(name)}`)
}

/** node-postgres remembers which named statements it has prepared and breaks when they are gone. */
function usesNamedStatements(connection: PostgresConnection): boolean {
  for (const _name in connection.connection.parsedStatements) return true
  return false
}

/**
 * What `DISCARD ALL` is made of (https://www.postgresql.org/docs/current/sql-discard.html) but `DEALLOCATE ALL`, and
 * the names of the statements that SQL prepared. Unlike `DISCARD ALL` it would succeed inside a transaction, so it is
 * sent only when the session is known to be in none.
 */
const DISCARD_ALL_BUT_DRIVER_STATEMENTS = [
  'CLOSE ALL',
  'SET SESSION AUTHORIZATION DEFAULT',
  'RESET ALL',
  'UNLISTEN *',
  'SELECT pg_advisory_unlock_all()',
  'DISCARD PLANS',
  'DISCARD TEMP',
  'DISCARD SEQUENCES',
  'SELECT name FROM pg_prepared_statements WHERE from_sql',
].join(';')
