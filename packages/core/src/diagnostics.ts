import { channel } from 'node:diagnostics_channel'

/**
 * `sherd:lease:detached`: a query ran after its response was sent and took a connection of its own for that.
 * Payload: {@link LeaseDetachedMessage}.
 */
export const leaseDetached = channel('sherd:lease:detached')

export interface LeaseDetachedMessage {
  readonly shard: string
}

/**
 * `sherd:lease:leaked`: a lease has held its connection for longer than `pool.leakThresholdMs`. Once for each time that a
 * connection was taken. While nobody subscribes, a process warning with the code `SHERD_LEASE_LEAKED` stands in for it.
 * Payload: {@link LeaseLeakedMessage}.
 */
export const leaseLeaked = channel('sherd:lease:leaked')

export interface LeaseLeakedMessage extends LeaseRecoveredMessage {
  /** Where the connection was taken: recorded for one in a hundred, and for all of an endpoint that has leaked once. */
  readonly stack?: string
}

/** `sherd:lease:recovered`: a lease that was reported has given its connection back. Payload: {@link LeaseRecoveredMessage}. */
export const leaseRecovered = channel('sherd:lease:recovered')

export interface LeaseRecoveredMessage {
  readonly shard: string
  readonly role: 'writing' | 'reading'
  /** The route, such as `GET /projects/:id`, the job or the function that holds it; never a tenant. */
  readonly holder: string
  /** For how long it has held the connection by now, in milliseconds. */
  readonly heldMs: number
}

/**
 * `sherd:breaker:changed`: the circuit breaker of a database server has opened, let a probe through, closed, or been
 * isolated by hand. Payload: {@link BreakerChangedMessage}.
 */
export const breakerChanged = channel('sherd:breaker:changed')

export interface BreakerChangedMessage {
  readonly shard: string
  /** Which of the shard's servers: `shard_0`, or `shard_0/replica-0`. */
  readonly endpoint: string
  readonly kind: 'primary' | 'replica'
  readonly from: BreakerStateName
  readonly to: BreakerStateName
  /** Code of the failure that opened it, such as `ECONNREFUSED`; undefined when it has none. */
  readonly cause: string | undefined
}

export type BreakerStateName = 'closed' | 'open' | 'half-open' | 'isolated'
