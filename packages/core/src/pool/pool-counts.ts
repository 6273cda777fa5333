/**
 * Why a resource was closed:
 *
 * - `idle`: nobody needed it for `idleTimeoutMs`; `lifetime`: past `maxLifetimeMs`; `rotated`: of an earlier generation.
 * - `lost`: it broke; `dead`: it did not answer a ping; `destroyed`: whoever had it gave it back as unusable.
 * - `unclean`: its reset failed; `late`: it came after its attempt had been given up; `drained`: the pool was closing.
 */
export type CloseCause =
  | 'idle'
  | 'lifetime'
  | 'rotated'
  | 'lost'
  | 'dead'
  | 'destroyed'
  | 'unclean'
  | 'late'
  | 'drained'

/** What has happened in one pool since it was made. */
export class PoolCounts {
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
}
