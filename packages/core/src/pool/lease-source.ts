import type { ConnectionOutcome } from './connection-outcome.ts'
import type { Engine } from './engine.ts'
import type { LeaseEvents } from './lease-events.ts'
import type { Hold } from './lease-holders.ts'
import type { LeaseSubject } from './lease-subject.ts'
import type { RawConnection } from './raw-connection.ts'
import type { ShardPool } from './shard-pool.ts'

/** The server that a lease takes its connections from. */
export interface LeaseSource {
  /** `shard_0`, `shard_0/replica-0`. */
  readonly id: string
  readonly pool: ShardPool<RawConnection>
  readonly engine: Engine
  /** Leases that hold a connection of it. */
  readonly holders: {
    add(lease: LeaseSubject, since: number): Hold
    delete(hold: Hold): void
  }
  readonly events: LeaseEvents
  /** What a query has shown of its connection: the server has answered it, or the connection was lost. */
  readonly onOutcome: (outcome: ConnectionOutcome) => void
  /** For a lease, which no other lease of it has. */
  nextNumber(): number
}

/**
 * Where a lease goes instead, once `error` has kept it from the last of `tried`; undefined: nowhere. Asked only while the
 * lease has no connection, so no query of it can have run there.
 */
export type Reroute = (tried: readonly LeaseSource[], error: unknown) => LeaseSource | undefined
