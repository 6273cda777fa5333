import { withRawConnection } from '@sherd/core'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Pool } from 'pg'
import { OneConnectionPool, type RawConnection } from './one-connection-pool.ts'

/** Runs `fn` with a Drizzle on the scope's one connection; it is of no use afterwards. */
export function withDrizzle<T>(fn: (drizzle: NodePgDatabase) => Promise<T>): Promise<T> {
  return withRawConnection((connection: RawConnection) => {
    const client = new OneConnectionPool(connection) as unknown as Pool
    return fn(drizzle({ client }))
  })
}
