import type { ReplicaProgress } from '../engine.ts'
import type { PostgresConnection } from './postgres-connection.ts'

/**
 * No such function, no right to call it, or a server that does the opposite: a primary that recovers, a replica that was
 * promoted (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const CANNOT_TELL = new Set(['42883', '42501', '0A000', '55000'])

/** How far the primary has written its log, in bytes since the beginning of time. */
export async function writtenPosition(connection: PostgresConnection): Promise<bigint | undefined> {
  const row = await ask(connection, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text")
  return row?.[0] === undefined ? undefined : BigInt(row[0] as string)
}

/**
 * How far a standby has replayed it. The time of the last transaction alone says nothing: it is old where the primary is
 * idle, and where nothing arrives any more. So the standby's own word is that it has replayed all it has received, and
 * counts only while it has a receiver, whoever may see more of that than its process.
 * https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL
 */
const PROGRESS = `
  SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::text,
    CASE WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() THEN 0
      ELSE 1000 * extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8,
    EXISTS (SELECT FROM pg_stat_wal_receiver)
  WHERE pg_is_in_recovery()`

/** Nothing is known of a server that does not replay a primary's log. */
export async function replayProgress(connection: PostgresConnection): Promise<ReplicaProgress> {
  const [replayed, lagMs, isReceiving] = (await ask(connection, PROGRESS)) ?? []
  return {
    position: typeof replayed === 'string' ? BigInt(replayed) : undefined,
    lagMs: isReceiving === true && typeof lagMs === 'number' ? Math.max(0, lagMs) : undefined,
  }
}

async function ask(connection: PostgresConnection, text: string): Promise<unknown[] | undefined> {
  try {
    const { rows } = await connection.query({ text, rowMode: 'array' })
    return rows[0]
  } catch (error) {
    if (CANNOT_TELL.has((error as { code: string }).code)) return undefined
    throw error
  }
}
