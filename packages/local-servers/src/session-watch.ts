/** What {@link SessionWatch.stop} tells. */
export interface WatchedSessions {
  /** The most that were there at once. */
  readonly most: number
  readonly readings: number
}

/**
 * Counts a server's sessions while something goes on. `pg_stat_activity` is read one session after the other, so that one
 * which has just ended and one which began meanwhile may both be in it. Whichever is in two readings in a row was there all
 * the time between them: those are counted.
 */
export class SessionWatch {
  readonly #watching: Promise<WatchedSessions>
  #isOver = false

  /** @param read the ids of the processes that serve the sessions in question */
  constructor(read: () => Promise<readonly number[]>) {
    this.#watching = this.#watch(read)
  }

  /** Rejects if it could not be read. */
  stop(): Promise<WatchedSessions> {
    this.#isOver = true
    return this.#watching
  }

  async #watch(read: () => Promise<readonly number[]>): Promise<WatchedSessions> {
    let most = 0
    let readings = 0
    for (let before = new Set<number>(); !this.#isOver; readings++) {
      const now = await read()
      most = Math.max(most, now.filter((pid) => before.has(pid)).length)
      before = new Set(now)
    }
    return { most, readings }
  }
}
