import { channel } from 'node:diagnostics_channel'
import type { EndpointMessage } from './endpoint-message.ts'

/**
 * `sherd:breaker:changed`: the circuit breaker of a database server has opened, let a probe through, closed, or been
 * isolated by hand. Payload: {@link BreakerChangedMessage}.
 */
export const breakerChanged = channel('sherd:breaker:changed')

export interface BreakerChangedMessage extends EndpointMessage {
  readonly from: BreakerStateName
  readonly to: BreakerStateName
  /** Code of the failure that opened it, such as `ECONNREFUSED`; undefined when it has none. */
  readonly cause: string | undefined
}

export type BreakerStateName = 'closed' | 'open' | 'half-open' | 'isolated'
