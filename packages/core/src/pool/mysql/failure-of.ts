import type { Endpoint } from '../../topology/topology.ts'
import type { ConnectionFailure } from '../engine.ts'
import type { MysqlConnection } from './mysql-connection.ts'

/**
 * Too many connections, shutdown in progress, aborted connection, killed (also by an administrator), idle for too long
 * (https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html).
 */
const ENDS_SESSION = new Set([1040, 1053, 1152, 1184, 1927, 3169, 4031])
/** Option `--read-only`, which 1290 is also about others than; mode read-only. */
const READ_ONLY = new Set([1290, 1836])

/** What an error says about the connection that it came from. */
export function failureOf(
  error: unknown,
  connection: MysqlConnection,
  { kind }: Endpoint,
): ConnectionFailure | undefined {
  const { errno, fatal } = error as { errno?: unknown; fatal?: unknown }
  if (connection.__knex__disposed || fatal === true) return 'lost'
  if (typeof errno !== 'number') return undefined
  if (ENDS_SESSION.has(errno)) return 'lost'
  // A primary that refuses to write has become a replica.
  return READ_ONLY.has(errno) && kind === 'primary' ? 'unfit' : undefined
}
