import type { Clock } from '../util/clock.ts'

/** What a lease has on its way to the server and back, and since when nothing. */
export class Wire {
  readonly #clock: Clock
  #inFlight = 0
  #lastUse = 0
  /** Idle time that has been counted, and from when on it has not. */
  #idleMs = 0
  #idleFrom = 0
  #quiet: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isQuiet(): boolean {
    return this.#inFlight === 0
  }

  /** Undefined while something is on its way. */
  get quietSince(): number | undefined {
    return this.isQuiet ? this.#lastUse : undefined
  }

  /** Something moved that is not counted: the time before may have been spent on it, and counts as used. */
  touch(): void {
    this.#lastUse = this.#idleFrom = this.#clock.now()
  }

  /** A query was sent. */
  begin(): void {
    this.countIdle()
    this.#inFlight++
  }

  /** A query has settled. */
  settle(): void {
    this.#inFlight--
    this.touch()
    if (!this.isQuiet) return
    this.#quiet?.resolve()
    this.#quiet = undefined
  }

  /** How long, all in all, nothing was on its way. */
  countIdle(): number {
    if (this.isQuiet) {
      const now = this.#clock.now()
      this.#idleMs += now - this.#idleFrom
      this.#idleFrom = now
    }
    return this.#idleMs
  }

  /** Settles when nothing is on its way any more. */
  whenQuiet(): Promise<void> {
    if (this.isQuiet) return Promise.resolve()
    if (this.#quiet === undefined) {
      let resolve!: () => void
      const promise = new Promise<void>((onQuiet) => {
        resolve = onQuiet
      })
      this.#quiet = { promise, resolve }
    }
    return this.#quiet.promise
  }
}
