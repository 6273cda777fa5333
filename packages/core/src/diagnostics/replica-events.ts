import { channel } from 'node:diagnostics_channel'
import type { EndpointMessage } from './endpoint-message.ts'

/** `sherd:replica:ejected`: a replica takes no reads for now. Payload: {@link ReplicaEjectedMessage}. */
export const replicaEjected = channel('sherd:replica:ejected')

/** `sherd:replica:readmitted`: it takes reads again. Payload: {@link ReplicaReadmittedMessage}. */
export const replicaReadmitted = channel('sherd:replica:readmitted')

/**
 * Why a replica takes no reads:
 *
 * - `unreachable`: its circuit breaker is not closed, or the last attempt to connect has just failed.
 * - `isolated`: taken out of service by `sharding.isolate()`.
 * - `mistaken`: its address leads to a database that is no replica of the shard.
 * - `lagging`: it is further behind its primary than `reading.maxLagMs`.
 * - `unknown`: with `reading.maxLagMs`, how far it is behind could not be found out.
 */
export type ReplicaFault = 'unreachable' | 'isolated' | 'mistaken' | 'lagging' | 'unknown'

export interface ReplicaEjectedMessage extends EndpointMessage {
  readonly cause: ReplicaFault
  /** Milliseconds that it is behind its primary, at most; null where that is not known. */
  readonly lagMs: number | null
}

export interface ReplicaReadmittedMessage extends EndpointMessage {
  /** For how many milliseconds it was left out. */
  readonly durationMs: number
}
