import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import type { Engine } from './engine.ts'
import type { RawConnection } from './raw-connection.ts'
import type { Wire } from './wire.ts'

export interface CancellerOptions {
  readonly engine: Engine
  readonly wire: Wire
  readonly clock: Clock
  readonly deadlines: Deadlines
}

const PAUSES_MS = [50, 100, 200, 400]

/**
 * Has the server stop what a connection runs. A request to cancel can overtake its query and is then lost, so it is
 * repeated until nothing is on the wire.
 *
 * Until {@link underWay} has settled, such a request may still hit whatever runs on the connection next.
 */
export class Canceller {
  readonly #options: CancellerOptions
  #underWay: Promise<void> | undefined

  constructor(options: CancellerOptions) {
    this.#options = options
  }

  /** Settles when no request to cancel is on its way any more; undefined when none is. */
  get underWay(): Promise<void> | undefined {
    return this.#underWay
  }

  /** Settles when the server has stopped, or with `giveUp` when nothing helped. */
  cancel(connection: RawConnection, giveUp: () => void): Promise<void> {
    this.#underWay ??= this.#repeat(connection, giveUp).finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  async #repeat(connection: RawConnection, giveUp: () => void): Promise<void> {
    for (const pauseMs of PAUSES_MS) {
      await this.#options.engine.cancel(connection).catch(() => {})
      if (await this.#isQuietWithin(pauseMs)) return
    }
    giveUp()
  }

  #isQuietWithin(ms: number): Promise<boolean> {
    const { wire, clock, deadlines } = this.#options
    if (wire.isQuiet) return Promise.resolve(true)
    return new Promise((resolve) => {
      const pause: Deadline = { deadline: clock.now() + ms, expire: () => resolve(false) }
      deadlines.add(pause)
      void wire.whenQuiet().then(() => {
        deadlines.delete(pause)
        resolve(true)
      })
    })
  }
}
