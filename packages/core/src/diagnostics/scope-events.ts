import { channel } from 'node:diagnostics_channel'
import type { Correlation } from './correlation.ts'
import type { ShardingMessage } from './endpoint-message.ts'

/** `sherd:scope:entered`: a request, a job or a `connectedTo` begins. Payload: {@link ScopeEnteredMessage}. */
export const scopeEntered = channel('sherd:scope:entered')

export interface ScopeEnteredMessage extends ShardingMessage {
  readonly shard: string
  readonly role: 'writing' | 'reading'
  /** The tenant's id, where the scope has one. */
  readonly tenant?: string
  /** The same number when it is left. */
  readonly scope: number
  readonly correlation: Correlation
}

/**
 * `sherd:scope:left`: its function has settled; a request's response is complete, or its client has gone. Payload:
 * {@link ScopeLeftMessage}.
 */
export const scopeLeft = channel('sherd:scope:left')

export interface ScopeLeftMessage extends ScopeEnteredMessage {
  readonly durationMs: number
}
