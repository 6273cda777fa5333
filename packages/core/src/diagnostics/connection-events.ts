import { channel } from 'node:diagnostics_channel'
import type { EndpointMessage } from './endpoint-message.ts'

/** `sherd:connection:opened`: a pool has one more connection. Payload: {@link ConnectionOpenedMessage}. */
export const connectionOpened = channel('sherd:connection:opened')

export interface ConnectionOpenedMessage extends EndpointMessage {
  /** How many the pool has now. */
  readonly total: number
}

/** `sherd:connection:closed`: a pool has one connection less. Payload: {@link ConnectionClosedMessage}. */
export const connectionClosed = channel('sherd:connection:closed')

export interface ConnectionClosedMessage extends EndpointMessage {
  readonly total: number
  readonly cause: CloseCause
}

/**
 * Why a connection was closed:
 *
 * - `idle`: nobody needed it for `idleTimeoutMs`; `lifetime`: past `maxLifetimeMs`; `rotated`: older than the last recovery.
 * - `lost`: it broke; `dead`: it did not answer a ping; `destroyed`: its lease gave it back as unusable.
 * - `unclean`: its session could not be cleaned; `late`: it came after its attempt had been given up; `drained`: the pool
 *   was closing.
 * - `evicted`: another pool needed its room (`limits`, `servers`), or its pool had no use for `limits.poolIdleMs`.
 */
export type CloseCause =
  | 'idle'
  | 'lifetime'
  | 'rotated'
  | 'lost'
  | 'dead'
  | 'destroyed'
  | 'unclean'
  | 'late'
  | 'drained'
  | 'evicted'
