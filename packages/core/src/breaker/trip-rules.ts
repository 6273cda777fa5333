import type { BreakerConfig } from '../config/resolved-config.ts'
import type { Clock } from '../util/clock.ts'
import { OutcomeWindow } from './outcome-window.ts'

/** Of how much something that failed tells. */
export interface Failure {
  readonly error: unknown
  /**
   * Whether it tells that the server cannot be reached now, as a failed attempt to connect does. A connection that was
   * lost may have been the only one: it counts, and the next attempt to connect tells.
   */
  readonly isProof: boolean
}

/** A run of failures is over when nothing has failed for so long. */
const RUN_ENDS_AFTER_MS = 10_000

/**
 * When a database counts as down:
 *
 * - without a connection: after `failures` in a row;
 * - with connections that may still answer, or without: once it has failed for `failingMs`, at least twice, and has
 *   answered nothing;
 * - in any case: when `failurePercent` of at least `minOutcomes` outcomes within `windowMs` are failures.
 *
 * Each of them takes a failure that is a proof. An answer of any kind ends a run of failures, so a database that serves
 * the connections that it has is never down because it accepts no further ones.
 */
export class TripRules {
  readonly #config: BreakerConfig
  readonly #clock: Clock
  #window: OutcomeWindow
  #inARow = 0
  #hasProof = false
  #since = 0
  #lastAt = 0

  constructor(config: BreakerConfig, clock: Clock) {
    this.#config = config
    this.#clock = clock
    this.#window = new OutcomeWindow(config.windowMs)
  }

  /** When the run of failures will have lasted for too long; undefined when there is none that could decide. */
  get dueAt(): number | undefined {
    return this.#hasProof ? this.#since + this.#config.failingMs : undefined
  }

  /** What has been is over. */
  reset(): void {
    this.#window = new OutcomeWindow(this.#config.windowMs)
    this.#endRun()
  }

  succeeded(): void {
    this.#window.add(this.#clock.now(), true)
    this.#endRun()
  }

  /** Whether the database counts as down now. */
  failed({ isProof }: Failure, isConnected: boolean): boolean {
    const now = this.#clock.now()
    if (now - this.#lastAt > RUN_ENDS_AFTER_MS) this.#endRun()
    if (this.#inARow === 0) this.#since = now
    this.#inARow++
    this.#lastAt = now
    this.#window.add(now, false)
    if (!isProof) return false
    this.#hasProof = true
    const isTooManyInARow = !isConnected && this.#inARow >= this.#config.failures
    return isTooManyInARow || this.isTooLong || this.#isTooMany(now)
  }

  /** Whether nothing but failures has come for too long. */
  get isTooLong(): boolean {
    if (!this.#hasProof || this.#inARow < 2) return false
    return this.#clock.now() - this.#since >= this.#config.failingMs
  }

  /** The run is as long as it was, and has only begun: for time in which nothing could succeed. */
  postpone(): void {
    this.#since = this.#clock.now()
  }

  #isTooMany(now: number): boolean {
    const { failurePercent, minOutcomes } = this.#config
    const { failures, total } = this.#window.count(now)
    return failurePercent !== null && total >= minOutcomes && failures * 100 >= total * failurePercent
  }

  #endRun(): void {
    this.#inARow = 0
    this.#hasProof = false
  }
}
