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
 * - without a connection: after `failures` proofs in a row;
 * - with connections that may still answer, or without: once it has failed for `failingMs`, at least twice, and has
 *   answered nothing;
 * - in any case: when `failurePercent` of at least `minOutcomes` answers and proofs within `windowMs` are proofs.
 *
 * Each of them takes a failure that is a proof: connections are lost together, at once, and that happens once. An answer
 * of any kind ends a run of failures, so a database that serves the connections that it has is never down because it
 * accepts no further ones.
 */
export class TripRules {
  readonly #config: BreakerConfig
  readonly #clock: Clock
  #window: OutcomeWindow
  #inARow = 0
  #proofsInARow = 0
  #since = 0
  #lastAt = 0

  constructor(config: BreakerConfig, clock: Clock) {
    this.#config = config
    this.#clock = clock
    this.#window = new OutcomeWindow(config.windowMs)
  }

  /** When the run of failures will have lasted for too long; undefined when there is none that could decide. */
  get dueAt(): number | undefined {
    return this.#proofsInARow > 0 ? this.#since + this.#config.failingMs : undefined
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
    if (!isProof) return false
    this.#window.add(now, false)
    this.#proofsInARow++
    const isTooManyInARow = !isConnected && this.#proofsInARow >= this.#config.failures
    return isTooManyInARow || this.isTooLong || this.#isTooMany(now)
  }

  /** Whether nothing but failures has come for too long. */
  get isTooLong(): boolean {
    if (this.#proofsInARow === 0 || this.#inARow < 2) return false
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
    this.#proofsInARow = 0
  }
}
