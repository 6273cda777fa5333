import type { Socket } from 'node:net'
import type { Connection, QueryError, RowDataPacket } from 'mysql2'
import type { RawConnection } from '../raw-connection.ts'

/** What a session has from connecting and `COM_RESET_CONNECTION` does not bring back. */
export interface SessionBaseline {
  /** The server that the session is on, however many stand behind its address. */
  readonly server: string
  /** Statement that sets what connecting and the configuration have set. */
  readonly settings: string
  readonly database: string | null
  readonly role: string | null
  readonly setRole: string
  /** Whether a lock that was waited for in vain costs the whole transaction. */
  readonly rollsBackOnTimeout: boolean
}

/** mysql2's connection, with what its declarations leave out and what its engine remembers of it. */
export type MysqlConnection = RawConnection &
  Connection & {
    readonly stream: Socket
    baseline: SessionBaseline
  }

/** The first row of a statement's result. */
export async function firstRow(
  connection: MysqlConnection,
  sql: string,
): Promise<Readonly<Record<string, unknown>>> {
  const rows = await send(connection, sql)
  return (rows as RowDataPacket[])[0] ?? {}
}

/** mysql2 has promises only in a wrapper, which would share the connection with knex. */
export function send(connection: MysqlConnection, sql: string): Promise<unknown> {
  return settled((done) => connection.query(sql, done))
}

export function settled(
  start: (done: (error: QueryError | null, result?: unknown) => void) => unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error ? reject(error) : resolve(result)))
  })
}
