import type { Clock } from '../../src/util/clock.ts'
import { type Deadline, Deadlines } from '../../src/util/deadlines.ts'

/** Time that passes when the test says so, without a turn of the event loop: for what decides synchronously. */
export class SteppedClock implements Clock {
  readonly deadlines = new SteppedDeadlines(this)
  #now = 0

  now(): number {
    return this.#now
  }

  /** Lets `ms` milliseconds pass; each deadline on the way expires on time. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let next = this.deadlines.next; next !== undefined && next.deadline <= end; ) {
      this.#now = Math.max(this.#now, next.deadline)
      this.deadlines.delete(next)
      next.expire(false)
      next = this.deadlines.next
    }
    this.#now = end
  }
}

class SteppedDeadlines extends Deadlines {
  readonly #entries = new Set<Deadline>()

  get size(): number {
    return this.#entries.size
  }

  get next(): Deadline | undefined {
    return [...this.#entries].sort((a, b) => a.deadline - b.deadline)[0]
  }

  override add(entry: Deadline): void {
    this.#entries.add(entry)
  }

  override delete(entry: Deadline): void {
    this.#entries.delete(entry)
  }
}
