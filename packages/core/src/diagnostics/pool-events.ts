import { channel } from 'node:diagnostics_channel'
import type { EndpointMessage } from './endpoint-message.ts'

/** `sherd:pool:created`: somebody has asked for a server for the first time. Payload: {@link PoolCreatedMessage}. */
export const poolCreated = channel('sherd:pool:created')

export interface PoolCreatedMessage extends EndpointMessage {
  /** How many connections it may have. */
  readonly max: number
}

/** `sherd:pool:opened`: a pool that had no connection has one now. Payload: {@link PoolOpenedMessage}. */
export const poolOpened = channel('sherd:pool:opened')

export type PoolOpenedMessage = EndpointMessage

/**
 * `sherd:pool:exhausted`: a caller has to wait, for all connections that the pool may have are in use. Once, until a
 * connection has come to rest again. Payload: {@link PoolExhaustedMessage}.
 */
export const poolExhausted = channel('sherd:pool:exhausted')

export interface PoolExhaustedMessage extends EndpointMessage {
  readonly max: number
}

/** `sherd:pool:drained`: a pool that is closing has all its connections back. Payload: {@link PoolDrainedMessage}. */
export const poolDrained = channel('sherd:pool:drained')

export interface PoolDrainedMessage extends EndpointMessage {
  /** Since it began to close, in milliseconds. */
  readonly durationMs: number
}

/** `sherd:pool:closed`: the last connection of a pool that was closing is gone. Payload: {@link PoolClosedMessage}. */
export const poolClosed = channel('sherd:pool:closed')

export type PoolClosedMessage = PoolDrainedMessage
