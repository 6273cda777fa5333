import type { Clock } from './clock.ts'
import { runInRootContext } from './root-context.ts'

/** Something that has to happen once the clock reaches `deadline` (in the clock's milliseconds). */
export interface Deadline {
  readonly deadline: number
  expire(): void
}

/** How far behind its deadline something may expire, in milliseconds. */
export const TICK_MS = 10

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/**
 * One coarse timer for everything in the process that waits: callers in queues, idle connections, retries.
 *
 * A timer each would cost half a microsecond and an object per checkout; here waiting costs one entry of a set.
 * The timer never keeps the process alive, and stops when it finds nothing that waits.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #waiting = new Set<Deadline>()
  #wakeAt = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(entry: Deadline): void {
    this.#waiting.add(entry)
    if (entry.deadline < this.#wakeAt) this.#wake(entry.deadline)
  }

  delete(entry: Deadline): void {
    this.#waiting.delete(entry)
  }

  /** Expires what is due. Called by the timer; tests with a clock of their own call it themselves. */
  tick(): void {
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    const due: Deadline[] = []
    for (const entry of this.#waiting) {
      if (entry.deadline <= now) due.push(entry)
      else if (entry.deadline < next) next = entry.deadline
    }
    this.#wake(next)
    for (const entry of due) {
      // An earlier entry's expiry may have taken this one out.
      if (this.#waiting.delete(entry)) entry.expire()
    }
  }

  #wake(at: number): void {
    clearTimeout(this.#timer)
    this.#wakeAt = at
    if (at === Number.POSITIVE_INFINITY) return
    // Node drops fractions of a millisecond, and would call a little too early.
    const delay = Math.min(Math.max(Math.ceil(at - this.#clock.now()), TICK_MS), LONGEST_TIMEOUT_MS)
    this.#timer = runInRootContext(() => setTimeout(() => this.tick(), delay).unref())
  }
}
