import type { Endpoint } from '../../topology/topology.ts'
import type { ConnectionFailure } from '../engine.ts'
import type { PostgresConnection } from './postgres-connection.ts'

/**
 * Admin shutdown, crash shutdown, cannot connect now, database dropped, idle session timeout, and a transaction that was
 * idle or ran for too long: each of these the server ends the session with
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const ENDS_SESSION = new Set(['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25P04'])
/** The server has this for wrong bindings, too. */
const PROTOCOL_VIOLATION = '08P01'
const READ_ONLY_TRANSACTION = '25006'

/** What an error says about the connection that it came from. */
export function failureOf(
  error: unknown,
  connection: PostgresConnection,
  { kind }: Endpoint,
): ConnectionFailure | undefined {
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  if (connection.__knex__disposed || severity === 'FATAL' || severity === 'PANIC') return 'lost'
  if (typeof code !== 'string') return undefined
  if (ENDS_SESSION.has(code) || (code.startsWith('08') && code !== PROTOCOL_VIOLATION)) return 'lost'
  // A primary that refuses to write has become a replica; what its address leads to now may be another.
  return code === READ_ONLY_TRANSACTION && kind === 'primary' ? 'unfit' : undefined
}
