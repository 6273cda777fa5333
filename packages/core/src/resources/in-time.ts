import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'

export interface Timing {
  readonly clock: Clock
  readonly deadlines: Deadlines
}

/** What `work` settles with; past `ms` what `onLate` returns or throws, and `work` is left to itself. */
export function inTime<T>(
  { clock, deadlines }: Timing,
  ms: number,
  work: Promise<T>,
  onLate: () => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const entry = {
      deadline: clock.now() + ms,
      expire: () => {
        try {
          resolve(onLate())
        } catch (error) {
          reject(error)
        }
      },
    }
    deadlines.add(entry)
    work.then(resolve, reject).finally(() => deadlines.delete(entry))
  })
}
