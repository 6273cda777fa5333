import type { Clock } from './clock.ts'
import { LinkedList, ListNode } from './linked-list.ts'
import { runInRootContext } from './root-context.ts'

/** Something that has to happen once the clock reaches `deadline` (in the clock's milliseconds). */
export interface Deadline {
  readonly deadline: number
  /** `afterStall`: the event loop stood still meanwhile, so nobody could answer in time. */
  expire(afterStall: boolean): void
  /** Among those that wait; kept by {@link Deadlines}. */
  node?: ListNode<Deadline> | undefined
}

/** How far behind its deadline something may expire, in milliseconds. */
export const TICK_MS = 10

/** A timer that comes this late was held up by the event loop. */
const STALL_MS = 50

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/**
 * One coarse timer for everything in the process that waits: callers in queues, idle connections, retries.
 *
 * A timer each would cost half a microsecond and an object per checkout; here waiting costs one node of a list.
 * The timer never keeps the process alive, and stops when it finds nothing that waits. A blocked event loop is nobody
 * else's fault: what is due after one expires a turn of the loop later, unless its answer is there by then.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #waiting = new LinkedList<ListNode<Deadline>>()
  #wakeAt = Number.POSITIVE_INFINITY
  /** When the timer should come. */
  #timerAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(entry: Deadline): void {
    if (entry.node === undefined) {
      entry.node = new ListNode(entry)
      this.#waiting.add(entry.node)
    }
    if (entry.deadline < this.#wakeAt) this.#wake(entry.deadline)
  }

  delete(entry: Deadline): void {
    this.#remove(entry)
  }

  /** Expires what is due. Called by the timer; tests with a clock of their own call it themselves. */
  tick(): void {
    if (this.#clock.now() - this.#timerAt < STALL_MS) this.#expireDue(false)
    // Answers that have come meanwhile lie in the sockets: they are read before anything is called late. Timers come
    // before sockets, immediates after (https://nodejs.org/en/learn/asynchronous-work/event-loop-timers-and-nexttick).
    else setImmediate(() => this.#expireDue(true)).unref()
  }

  #expireDue(afterStall: boolean): void {
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    const due: Deadline[] = []
    for (const { item: entry } of this.#waiting) {
      if (entry.deadline <= now) due.push(entry)
      else if (entry.deadline < next) next = entry.deadline
    }
    this.#wake(next)
    for (const entry of due) {
      // An earlier entry's expiry may have taken this one out.
      if (this.#remove(entry)) entry.expire(afterStall)
    }
  }

  /** False when it does not wait. */
  #remove(entry: Deadline): boolean {
    const { node } = entry
    entry.node = undefined
    return node !== undefined && this.#waiting.delete(node)
  }

  #wake(at: number): void {
    clearTimeout(this.#timer)
    this.#wakeAt = at
    if (at === Number.POSITIVE_INFINITY) return
    const now = this.#clock.now()
    // Node drops fractions of a millisecond, and would call a little too early.
    const delay = Math.min(Math.max(Math.ceil(at - now), TICK_MS), LONGEST_TIMEOUT_MS)
    this.#timerAt = now + delay
    this.#timer = runInRootContext(() => setTimeout(() => this.tick(), delay).unref())
  }
}
