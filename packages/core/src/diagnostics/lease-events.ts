import { channel } from 'node:diagnostics_channel'
import type { Correlation } from './correlation.ts'
import type { EndpointMessage } from './endpoint-message.ts'

/** About the one connection of a scope. Never names a tenant. */
export interface LeaseMessage extends EndpointMessage {
  readonly role: 'writing' | 'reading'
  /** The same number in all events of one lease, which may take a connection more than once, one after another. */
  readonly lease: number
  readonly correlation: Correlation
}

/**
 * `sherd:lease:requested`: a lease wants a connection. Ends in `checked-out` or `refused`. Payload:
 * {@link LeaseRequestedMessage}.
 */
export const leaseRequested = channel('sherd:lease:requested')

export type LeaseRequestedMessage = LeaseMessage

/**
 * `sherd:lease:checked-out`: a lease has its connection. Ends in `released` or `destroyed`. Payload:
 * {@link LeaseCheckedOutMessage}.
 */
export const leaseCheckedOut = channel('sherd:lease:checked-out')

export interface LeaseCheckedOutMessage extends LeaseMessage {
  /** Milliseconds in the queue; 0 when a connection was free. */
  readonly waitMs: number
}

/** `sherd:lease:refused`: a lease gets no connection. Payload: {@link LeaseRefusedMessage}. */
export const leaseRefused = channel('sherd:lease:refused')

export interface LeaseRefusedMessage extends LeaseMessage {
  readonly waitMs: number
  /** Of the error that the caller is told, such as `SHARD_ERR_CHECKOUT_TIMEOUT`. */
  readonly code: string
}

/** `sherd:lease:released`: a lease has given its connection back. Payload: {@link LeaseReleasedMessage}. */
export const leaseReleased = channel('sherd:lease:released')

export interface LeaseReleasedMessage extends LeaseMessage {
  readonly heldMs: number
}

/**
 * `sherd:lease:destroyed`: the connection of a lease was cut, or came back fit for nobody. Payload:
 * {@link LeaseDestroyedMessage}.
 */
export const leaseDestroyed = channel('sherd:lease:destroyed')

export interface LeaseDestroyedMessage extends LeaseMessage {
  readonly heldMs: number
  readonly cause: DestroyCause
  /** The route, such as `GET /projects/:id`, the job or the function that held it. */
  readonly holder: string
}

/**
 * - `lost`: the session ended, or the server went away.
 * - `unfit`: it lives, but serves another purpose by now: a server that has become read-only.
 * - `unanswered`: the server did not stop a query that it was told to stop.
 * - `unrestored`: what the scope had left open could not be rolled back.
 */
export type DestroyCause = 'lost' | 'unfit' | 'unanswered' | 'unrestored'

/**
 * `sherd:lease:detached`: a query ran after its response was sent and took a connection of its own for that.
 * Payload: {@link LeaseDetachedMessage}.
 */
export const leaseDetached = channel('sherd:lease:detached')

export type LeaseDetachedMessage = LeaseMessage

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

export interface LeaseRecoveredMessage extends LeaseMessage {
  /** The route, such as `GET /projects/:id`, the job or the function that holds it; never a tenant. */
  readonly holder: string
  /** For how long it has held the connection by now, in milliseconds. */
  readonly heldMs: number
}
