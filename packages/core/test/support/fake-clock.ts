import type { Clock } from '../../src/util/clock.ts'
import { type Deadline, Deadlines } from '../../src/util/deadlines.ts'
import { settled } from './settled.ts'

const STEPS_MAX = 100_000

/** Time that stands still until it is advanced, and the deadlines that go by it. */
export class FakeClock implements Clock {
  readonly deadlines = new WatchedDeadlines(this)
  #now = 0

  now(): number {
    return this.#now
  }

  /** Lets `ms` milliseconds pass: each deadline on the way expires on time, and what follows from it settles. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (let steps = 0; this.deadlines.wakesAt <= end; steps++) {
      if (steps > STEPS_MAX) throw new Error('something waits again and again without letting time pass')
      this.#now = Math.max(this.#now, this.deadlines.wakesAt)
      this.deadlines.tick()
      await settled()
    }
    this.#now = end
  }

  /** Lets `ms` milliseconds pass during which nothing could run, as when the event loop is blocked. */
  async jump(ms: number): Promise<void> {
    this.#now += ms
    this.deadlines.tick()
    await settled()
  }

  /** Settles when `ms` milliseconds have passed. */
  sleep(ms: number): Promise<void> {
    return new Promise((expire) => {
      this.deadlines.add({ deadline: this.#now + ms, expire: () => expire() })
    })
  }
}

/** Deadlines whose entries can be seen. */
class WatchedDeadlines extends Deadlines {
  readonly #clock: Clock
  readonly #entries = new Set<Deadline>()
  /** When the timer comes, be it for an entry that is there no more: coming later would be a stall. */
  wakesAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    super(clock)
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  get next(): number {
    return Math.min(...[...this.#entries].map(({ deadline }) => deadline))
  }

  override add(entry: Deadline): void {
    this.#entries.add(entry)
    this.wakesAt = Math.min(this.wakesAt, entry.deadline)
    super.add(entry)
  }

  override delete(entry: Deadline): void {
    this.#entries.delete(entry)
    super.delete(entry)
  }

  override tick(): void {
    for (const entry of this.#entries) {
      if (entry.deadline <= this.#clock.now()) this.#entries.delete(entry)
    }
    this.wakesAt = this.next
    super.tick()
  }
}
