import { channel } from 'node:diagnostics_channel'

/**
 * `sherd:lease:detached`: a query ran after its response was sent and took a connection of its own for that.
 * Payload: {@link LeaseDetachedMessage}.
 */
export const leaseDetached = channel('sherd:lease:detached')

export interface LeaseDetachedMessage {
  readonly shard: string
}
