import { db, requireScope } from '@sherd/core'

export interface Connection {
  readonly shard: string
  /** The process that serves this connection, on the database server. */
  readonly backend: number
}

/** Where the current code is connected: answers say it here, so that one can see it. */
export async function connection(): Promise<Connection> {
  const { rows } = await db.raw<{ rows: [{ backend: number }] }>('select pg_backend_pid() as backend')
  return { shard: requireScope().shard, backend: rows[0].backend }
}
