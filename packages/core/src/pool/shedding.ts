export interface SheddingOptions {
  readonly targetMs: number
  readonly intervalMs: number
}

/**
 * Tells a standing queue from a burst, by CoDel as servers use it: when for a whole interval nobody was served who had
 * waited for less than the target, the queue does not drain, and whoever has waited for more than twice the target is
 * refused. Who is served then has not waited for long, and a burst that drains within an interval costs nobody his place.
 *
 * After folly's `Codel` (https://github.com/facebook/folly/blob/main/folly/executors/Codel.h) and Elixir's db_connection
 * (https://hexdocs.pm/db_connection/DBConnection.html#start_link/2-queue-config); https://queue.acm.org/appendices/codel.html.
 */
export class Shedding {
  readonly #options: SheddingOptions
  #isOverloaded = false
  #intervalEnd = 0
  /** The shortest wait that ended in this interval. */
  #leastMs = Number.POSITIVE_INFINITY

  constructor(options: SheddingOptions) {
    this.#options = options
  }

  /** Somebody comes to an empty queue: it does not stand. */
  restart(now: number): void {
    this.#isOverloaded = false
    this.#begin(now)
  }

  /** Somebody's turn has come after `waitedMs`. */
  note(waitedMs: number, now: number): void {
    if (now >= this.#intervalEnd) {
      // An interval in which nobody was served, as behind one slow holder, says nothing about the queue.
      const { targetMs } = this.#options
      this.#isOverloaded = Number.isFinite(this.#leastMs) && this.#leastMs > targetMs
      this.#begin(now)
    }
    if (waitedMs < this.#leastMs) this.#leastMs = waitedMs
  }

  /** Whether somebody who has waited for `waitedMs` is to be refused. */
  refuses(waitedMs: number): boolean {
    return this.#isOverloaded && waitedMs > 2 * this.#options.targetMs
  }

  #begin(now: number): void {
    this.#intervalEnd = now + this.#options.intervalMs
    this.#leastMs = Number.POSITIVE_INFINITY
  }
}
