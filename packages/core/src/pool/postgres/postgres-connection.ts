import type { Client } from 'pg'
import type { RawConnection } from '../raw-connection.ts'
import type { SessionSetting } from './session-settings.ts'

/** node-postgres's client, with what its declarations leave out. */
export type PostgresConnection = RawConnection &
  Client & {
    readonly connection: {
      readonly stream: { destroy(): void }
      readonly parsedStatements: Record<string, string>
      on(event: 'parameterStatus', listener: () => void): void
    }
    /** Settings of the shard's that it could not be started with. */
    replayed?: readonly SessionSetting[] | undefined
    readonly readyForQuery: boolean
    ref(): void
    unref(): void
    getTransactionStatus(): 'I' | 'T' | 'E' | null
  }
