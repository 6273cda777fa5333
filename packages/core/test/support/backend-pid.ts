import type { Knex } from 'knex'
import { engine } from './engine.ts'

/** The server's session behind the connection that `db` uses here. */
export async function backendPid(db: Knex): Promise<number> {
  return engine.rows(await db.raw(`select ${engine.sql.session} as pid`))[0].pid
}
