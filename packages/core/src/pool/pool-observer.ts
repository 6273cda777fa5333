import type { CloseCause } from '../diagnostics/connection-events.ts'

/** Who is told what becomes of a pool, in the instant in which it happens; the pool is in order by then. */
export interface PoolObserver {
  /** There are `total` now. */
  connectionOpened(total: number): void
  connectionClosed(total: number, cause: CloseCause): void
  /** A caller has to wait because all are in use. Once, until one has come to rest. */
  exhausted(): void
  /** All have come back, that long after the pool began to close. */
  drained(durationMs: number): void
  /** Nothing is left. */
  closed(durationMs: number): void
}

export const NOBODY: PoolObserver = {
  connectionOpened() {},
  connectionClosed() {},
  exhausted() {},
  drained() {},
  closed() {},
}
