import { channel } from 'node:diagnostics_channel'
import type { ShardingMessage } from './endpoint-message.ts'

/**
 * `sherd:stamp:missed`: it could not be kept, or not be found out, that a client has written, so that it may read
 * what is older. Payload: {@link StampMissedMessage}.
 */
export const stampMissed = channel('sherd:stamp:missed')

export interface StampMissedMessage extends ShardingMessage {
  readonly shard: string
  readonly cause: StampMissedCause
  /** The route, such as `POST /projects`. */
  readonly holder: string
  /** Of the store's error, or its name. */
  readonly code?: string
}

/**
 * - `headers-sent`: a write ended after the headers of the answer had been sent, which carry the stamp.
 * - `not-stored`: the store failed. Until it has ended its client may read what is older.
 * - `not-asked`: the store failed when it was asked. The request reads the primary.
 */
export type StampMissedCause = 'headers-sent' | 'not-stored' | 'not-asked'
