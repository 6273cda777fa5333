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
