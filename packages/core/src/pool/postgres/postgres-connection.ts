import type { Client } from 'pg'
import type { RawConnection } from '../raw-connection.ts'

/** node-postgres's client, with what its declarations leave out. */
export type PostgresConnection = RawConnection &
  Client & {
    readonly connection: {
      readonly stream: { destroy(): void }
      readonly parsedStatements: Record<string, string>
    }
    readonly readyForQuery: boolean
    ref(): void
    unref(): void
    getTransactionStatus(): 'I' | 'T' | 'E' | null
  }
