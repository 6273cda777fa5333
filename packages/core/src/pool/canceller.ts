import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import type { Engine } from './engine.ts'
import type { RawConnection } from './raw-connection.ts'

export interface CancellerOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly connection: RawConnection
  /** Settles when what is to be stopped has settled. */
  readonly quiet: Promise<void>
  /** Destroys the connection: nothing helped, or the server does not answer. */
  readonly giveUp: () => void
}

const PAUSES_MS = [50, 100, 200, 400]
/** A server that has not answered by then is not there: waiting longer, or asking again, would not help. */
const ANSWER_MS = 500

/**
 * Has the server stop what a connection runs. A request to cancel can overtake its query and is then lost, so it is
 * repeated until the query has settled.
 *
 * Until {@link over} has settled, such a request may still hit whatever runs on the connection next.
 */
export class Canceller {
  readonly #options: CancellerOptions
  #settle!: () => void
  #isOver = false
  #isAnswered = false
  /** Settles when the server has stopped, or the connection is gone. */
  readonly over: Promise<void>

  constructor(options: CancellerOptions) {
    this.#options = options
    this.over = new Promise((resolve) => {
      this.#settle = resolve
    })
    void this.#repeat()
  }

  /** Whether the server has dealt with a request. */
  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /** The connection is gone, and with it whatever could be hit. */
  stop(): void {
    this.#isOver = true
    this.#settle()
  }

  async #repeat(): Promise<void> {
    const { quiet, giveUp } = this.#options
    for (const pauseMs of PAUSES_MS) {
      if (!(await this.#within(ANSWER_MS, this.#ask()))) break
      if (this.#isOver) return
      if (await this.#within(pauseMs, quiet)) {
        this.stop()
        return
      }
    }
    if (this.#isOver) return
    giveUp()
    this.stop()
  }

  async #ask(): Promise<void> {
    const { engine, connection } = this.#options
    try {
      await engine.cancel(connection)
      this.#isAnswered = true
    } catch {
      // As good as one that was lost.
    }
  }

  /** Whether `happened` settles within `ms`. */
  #within(ms: number, happened: Promise<void>): Promise<boolean> {
    const { clock, deadlines } = this.#options
    return new Promise((resolve) => {
      const pause: Deadline = { deadline: clock.now() + ms, expire: () => resolve(false) }
      deadlines.add(pause)
      void happened.then(() => {
        deadlines.delete(pause)
        resolve(true)
      })
    })
  }
}
