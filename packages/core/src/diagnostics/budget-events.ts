import { channel } from 'node:diagnostics_channel'
import type { ShardingMessage } from './endpoint-message.ts'

/**
 * `sherd:budget:changed`: this process may have another number of connections to a server than before, for processes that
 * share its budget have come or gone. Payload: {@link BudgetChangedMessage}.
 */
export const budgetChanged = channel('sherd:budget:changed')

export interface BudgetChangedMessage extends ShardingMessage {
  /** The server: `db-1.internal:5432`. */
  readonly server: string
  /** Connections that all processes may have together. */
  readonly maxConnections: number
  /** Connections that this process was granted before. */
  readonly from: number
  /** And now. Where that is less, what is above it is closed as soon as it is idle. */
  readonly to: number
  /** Among how many the budget is divided. */
  readonly workers: number
}
