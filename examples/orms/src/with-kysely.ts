import { withRawConnection } from '@sherd/core'
import { Kysely, PostgresDialect, type PostgresPool } from 'kysely'
import { OneConnectionPool, type RawConnection } from './one-connection-pool.ts'

/** Runs `fn` with a Kysely on the scope's one connection; it is of no use afterwards. */
export function withKysely<DB, T>(fn: (kysely: Kysely<DB>) => Promise<T>): Promise<T> {
  return withRawConnection((connection: RawConnection) => {
    const pool = new OneConnectionPool(connection) as unknown as PostgresPool
    return fn(new Kysely<DB>({ dialect: new PostgresDialect({ pool }) }))
  })
}
