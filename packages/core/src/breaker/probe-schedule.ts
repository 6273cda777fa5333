/** From one probe to the next at first. */
const FIRST_MS = 100
/** After a probe that took longer than that: at least this, so that a hanging database is not asked without pause. */
const GAP_MS = 50
/** A server that refuses its clients' credentials may count attempts, and lock accounts. */
const REFUSED_MS = 1000
/** How much rarer a database is asked for that nobody wants anything of. */
const UNWANTED_FACTOR = 10

export interface ProbeScheduleOptions {
  /** From the beginning of one probe to that of the next, at most. */
  readonly longestMs: number
  readonly random: () => number
}

/** What is known when the time of the next probe is chosen. */
export interface ProbeCircumstances {
  /** How long the last probe took. */
  readonly tookMs: number
  /** The server answers, and refuses the credentials. */
  readonly isRefused: boolean
  /** Somebody has asked for a connection lately. */
  readonly isWanted: boolean
}

/**
 * How long to wait before the next probe: with decorrelated jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that many processes do not come at
 * once. The limit counts from beginning to beginning: a database that is back is found within it.
 */
export class ProbeSchedule {
  readonly #options: ProbeScheduleOptions
  #intervalMs = FIRST_MS

  constructor(options: ProbeScheduleOptions) {
    this.#options = options
  }

  /** Begins again with short intervals. */
  reset(): void {
    this.#intervalMs = FIRST_MS
  }

  /** Milliseconds from now to the next probe. */
  next({ tookMs, isRefused, isWanted }: ProbeCircumstances): number {
    const { longestMs, random } = this.#options
    const most = this.#intervalMs * 3
    // The limit has jitter of its own: otherwise everybody would meet there.
    const limit = longestMs * (1 - random() / 4)
    this.#intervalMs = Math.min(limit, FIRST_MS + random() * (most - FIRST_MS))
    const interval = isWanted ? this.#intervalMs : this.#intervalMs * UNWANTED_FACTOR
    const pause = Math.max(GAP_MS * (1 + random()), interval - tookMs)
    return isRefused ? Math.max(REFUSED_MS * (1 + random() / 10) - tookMs, pause) : pause
  }
}
