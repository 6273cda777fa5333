import type { ShardingError } from '../errors.ts'
import type { PoolStats } from './pool-stats.ts'

/** What callers of a pool are told instead of being lent something. */
export interface PoolErrors {
  /** `blockedBy`: a limit that the pool shares with others, and that is used up. */
  timeout(
    timeoutMs: number,
    stats: PoolStats & { readonly blockedBy?: string | undefined },
    cause: unknown,
  ): ShardingError
  overloaded(stats: PoolStats, maxWaiting: number): ShardingError
  shed(targetMs: number, intervalMs: number): ShardingError
  draining(): ShardingError
  unavailable(cause: unknown): ShardingError
}
