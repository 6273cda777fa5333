export interface SheddingOptions {
  readonly targetMs: number
  readonly intervalMs: number
}

/** What has been seen of the queue since the last decision. */
interface Interval {
  readonly end: number
  /** The shortest wait that ended. */
  leastMs: number
  cameCount: number
  servedCount: number
  inVainCount: number
}

/**
 * Tells a queue that stands from a burst, and keeps it short then: whoever has waited for more than twice the target is
 * refused, so that those who are served have not waited for long.
 *
 * A queue stands when for a whole interval nobody was served who had waited for less than the target, no fewer came
 * than were served, and not all were served in time. So nobody who would have been is ever the first to be refused, and
 * a queue that shrinks by itself is left to.
 *
 * The first of the three, the interval and twice the target are CoDel's, as servers use it: folly's `Codel`
 * (https://github.com/facebook/folly/blob/main/folly/executors/Codel.h) and Elixir's db_connection
 * (https://hexdocs.pm/db_connection/DBConnection.html#start_link/2-queue-config); https://queue.acm.org/appendices/codel.html.
 */
export class Shedding {
  readonly #options: SheddingOptions
  #isOverloaded = false
  #interval: Interval

  constructor(options: SheddingOptions) {
    this.#options = options
    this.#interval = this.#begin(0)
  }

  /** The queue was empty: it does not stand. */
  restart(now: number): void {
    this.#isOverloaded = false
    this.#interval = this.#begin(now)
  }

  /** Somebody asks, whether there is room for him or not. */
  came(): void {
    this.#interval.cameCount++
  }

  /** Somebody's turn has come after `waitedMs`. */
  note(waitedMs: number, now: number): void {
    if (now >= this.#interval.end) {
      this.#isOverloaded = this.#stands
      this.#interval = this.#begin(now)
    }
    if (waitedMs < this.#interval.leastMs) this.#interval.leastMs = waitedMs
  }

  served(): void {
    this.#interval.servedCount++
  }

  /** Somebody was not served: past his deadline, refused, or for want of room. */
  waitedInVain(): void {
    this.#interval.inVainCount++
  }

  /** Whether somebody who has waited for `waitedMs` is to be refused. */
  refuses(waitedMs: number): boolean {
    return this.#isOverloaded && waitedMs > 2 * this.#options.targetMs
  }

  get #stands(): boolean {
    const { leastMs, cameCount, servedCount, inVainCount } = this.#interval
    // An interval in which it was nobody's turn, as behind one slow holder, says nothing about the queue.
    const isSlow = Number.isFinite(leastMs) && leastMs > this.#options.targetMs
    return isSlow && cameCount >= servedCount && inVainCount > 0
  }

  #begin(now: number): Interval {
    const end = now + this.#options.intervalMs
    return { end, leastMs: Number.POSITIVE_INFINITY, cameCount: 0, servedCount: 0, inVainCount: 0 }
  }
}
