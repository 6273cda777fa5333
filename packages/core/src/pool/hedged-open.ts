import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import type { ResourceDriver } from './resource-driver.ts'

export interface HedgeOptions<R> {
  readonly driver: Pick<ResourceDriver<R>, 'open' | 'close'>
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** How long an attempt may say nothing before another one is made beside it. */
  readonly everyMs: number
}

/** Attempts at once, at most. */
const ATTEMPTS = 3

/**
 * Opens a resource, with a second and a third attempt beside one that says nothing: packets that were lost on the way
 * are not sent again for seconds, while a new connection would be there at once
 * (the hedged requests of https://research.google/pubs/the-tail-at-scale/). The first word of any of them counts. The
 * first attempt has all the time that `signal` leaves it, for a server that is slow; later ones make way for new ones.
 */
export function openHedged<R>(
  options: HedgeOptions<R>,
  signal: AbortSignal,
  onLost: (resource: R) => void,
): Promise<R> {
  const { driver, clock, deadlines, everyMs } = options
  const attempts = new Set<AbortController>()
  return new Promise<R>((resolve, reject) => {
    let next: Deadline | undefined
    let isOver = false
    const end = (): boolean => {
      if (isOver) return false
      isOver = true
      if (next !== undefined) deadlines.delete(next)
      signal.removeEventListener('abort', giveUp)
      return true
    }
    const abort = (reason: unknown) => {
      for (const attempt of attempts) attempt.abort(reason)
    }
    const giveUp = () => {
      if (!end()) return
      abort(signal.reason)
      reject(signal.reason)
    }
    const makeWay = () => {
      const [, second] = attempts
      if (attempts.size < ATTEMPTS || second === undefined) return
      attempts.delete(second)
      second.abort(new Error('a new attempt to connect takes its place'))
    }
    const start = () => {
      makeWay()
      const attempt = new AbortController()
      attempts.add(attempt)
      driver.open(attempt.signal, onLost).then(
        (resource) => {
          attempts.delete(attempt)
          if (end()) {
            abort(new Error('another attempt to connect was faster'))
            resolve(resource)
          } else {
            // Too late to be told to stop.
            void driver.close(resource, false)
          }
        },
        (error) => {
          if (!attempts.delete(attempt) || !end()) return
          abort(error)
          reject(error)
        },
      )
      next = { deadline: clock.now() + everyMs, expire: start }
      deadlines.add(next)
    }
    if (signal.aborted) return giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    start()
  })
}
