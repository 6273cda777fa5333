import type { Knex } from 'knex'

/** The server process behind the connection that `db` uses here. */
export async function backendPid(db: Knex): Promise<number> {
  const { rows } = await db.raw('select pg_backend_pid() as pid')
  return rows[0].pid
}
