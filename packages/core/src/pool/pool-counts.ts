import type { CloseCause } from '../diagnostics/connection-events.ts'

export type { CloseCause }

/** What has happened in one pool since it was made. */
export class PoolCounts {
  /** Times a resource was lent. */
  checkoutCount = 0
  /** Resources opened. */
  openedCount = 0
  /** Attempts to open one that failed or took too long. */
  connectFailureCount = 0
  /** Resources closed, by cause. */
  readonly closedCounts: Record<CloseCause, number> = {
    idle: 0,
    lifetime: 0,
    rotated: 0,
    lost: 0,
    dead: 0,
    destroyed: 0,
    unclean: 0,
    late: 0,
    drained: 0,
    evicted: 0,
  }
  pingCount = 0
  pingFailureCount = 0
  /** Callers whose deadline passed in the queue. */
  timeoutCount = 0
  /** Callers that were refused because the queue was full, or stood for too long. */
  shedCount = 0
  /** Callers that left the queue. */
  abortCount = 0
  /** Callers that were told why the database cannot be reached. */
  unavailableCount = 0
  /** Times a resource was brought back to the state in which it was opened. */
  scrubCount = 0
  /** Times that was left out, because nothing could have changed. */
  scrubSkippedCount = 0
  /** Transactions that somebody had left open, and that were rolled back for him. */
  rollbackCount = 0
  /** Leases that were reported because they held a connection for too long. */
  leakCount = 0
  /** Those of them that have given it back since. */
  recoveredCount = 0
  /** Connections taken by queries that came after their response. */
  detachedCount = 0
}
