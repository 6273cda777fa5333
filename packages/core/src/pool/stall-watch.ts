import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'

export interface StallWatchOptions {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly afterMs: number
  /** Since when nothing has moved; undefined while something does. */
  readonly idleSince: () => number | undefined
  readonly onStall: () => void
}

/** Tells when nothing has moved for a while, counted from {@link start} at the earliest. */
export class StallWatch {
  readonly #options: StallWatchOptions
  #startedAt = 0
  #check: Deadline | undefined

  constructor(options: StallWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.stop()
    this.#startedAt = this.#options.clock.now()
    this.#lookAgain()
  }

  stop(): void {
    if (this.#check !== undefined) this.#options.deadlines.delete(this.#check)
    this.#check = undefined
  }

  #lookAgain(): void {
    const { clock, deadlines, afterMs, idleSince, onStall } = this.#options
    const now = clock.now()
    const deadline = Math.max(idleSince() ?? now, this.#startedAt) + afterMs
    if (deadline <= now) {
      onStall()
      return
    }
    this.#check = { deadline, expire: () => this.#lookAgain() }
    deadlines.add(this.#check)
  }
}
