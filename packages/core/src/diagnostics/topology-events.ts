import { channel } from 'node:diagnostics_channel'
import type { ShardingMessage } from './endpoint-message.ts'

/** `sherd:topology:reload`: a new configuration is sound and about to replace the old. Payload: {@link TopologyMessage}. */
export const topologyReload = channel('sherd:topology:reload')

/** `sherd:topology:reloaded`: requests are served from the new configuration. Payload: {@link TopologyMessage}. */
export const topologyReloaded = channel('sherd:topology:reloaded')

export interface TopologyMessage extends ShardingMessage {
  /** Version of the old topology. */
  readonly from: number
  /** Version of the new one. */
  readonly to: number
  /** Names of shards. */
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}
