import type { ShardingError } from '../errors.ts'

/** Decides whether a pool serves at all. While it is shut nothing is lent, nobody waits, and the pool opens nothing. */
export interface Gate {
  readonly isOpen: boolean
  /** What callers are told while it is shut. */
  refusal(): ShardingError
}
