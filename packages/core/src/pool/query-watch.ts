import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import type { HeldConnection } from './held-connection.ts'
import type { TimeLimit } from './time-limit.ts'

export interface QueryWatchOptions {
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** The connection that the query runs on. */
  readonly held: HeldConnection
  /** Asks the server to stop the query. */
  readonly cancel: () => void
}

/** For a server that is there to say that it will stop the query. */
const GRACE_MS = 40

/**
 * Sees that one query ends within its limit, give or take {@link GRACE_MS} and a tick: by the server's hand where it
 * answers a request to cancel, else by the end of the connection.
 */
export class QueryWatch implements Deadline {
  readonly #options: QueryWatchOptions
  readonly limit: TimeLimit
  #isOverdue = false
  deadline: number

  constructor(options: QueryWatchOptions, limit: TimeLimit) {
    this.#options = options
    this.limit = limit
    this.deadline = options.clock.now() + limit.ms
    options.deadlines.add(this)
  }

  /** Whether the query had to be stopped. */
  get isOverdue(): boolean {
    return this.#isOverdue
  }

  expire(afterStall: boolean): void {
    const { held, cancel } = this.#options
    if (!this.#isOverdue) {
      this.#isOverdue = true
      if (this.limit.atEnd === 'destroy') {
        held.destroy('unanswered')
      } else {
        this.#expireAgain()
        cancel()
      }
    } else if (!held.isCancelAnswered) {
      // Nobody could have answered while this process stood still.
      if (afterStall) this.#expireAgain()
      else held.destroy('unanswered')
    }
    // A request that was answered is repeated until it helps, and within a bound.
  }

  #expireAgain(): void {
    const { clock, deadlines } = this.#options
    this.deadline = clock.now() + GRACE_MS
    deadlines.add(this)
  }

  /** The query has settled. */
  end(): void {
    this.#options.deadlines.delete(this)
  }
}
