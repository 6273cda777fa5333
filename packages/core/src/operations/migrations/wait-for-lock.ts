import { setTimeout as delay } from 'node:timers/promises'
import { MigrationLockedError } from '../../errors.ts'

export interface LockWait {
  readonly shard: string
  /** By the clock of `performance`; Infinity for ever. */
  readonly until: number
  readonly signal: AbortSignal | undefined
  /** Called before the first wait. */
  readonly onWait: () => void
  /** Who has it, for the message, and what to do. */
  readonly holder: string
}

const FIRST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 500

/** Tries until it is taken. Rejects with MigrationLockedError, and with the reason of the signal. */
export async function waitForLock(
  tryTake: () => Promise<boolean>,
  { shard, until, signal, onWait, holder }: LockWait,
): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS
  for (let isFirst = true; !(await tryTake()); isFirst = false) {
    signal?.throwIfAborted()
    if (isFirst) onWait()
    const leftMs = until - performance.now()
    if (leftMs <= 0) throw lockedError(shard, `${holder}; lockTimeoutMs says how long to wait`)
    await delay(Math.min(pauseMs, leftMs), undefined, signal === undefined ? {} : { signal })
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  }
}

export function lockedError(shard: string, holder: string, cause?: unknown): MigrationLockedError {
  return new MigrationLockedError(`The migrations of shard "${shard}" were not begun: ${holder}.`, {
    shard,
    ...(cause === undefined ? {} : { cause }),
  })
}
