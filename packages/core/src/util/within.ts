/** A timer that comes this late was held up by the event loop. */
const STALL_MS = 50

/**
 * The promise's outcome, or a rejection after `ms` milliseconds; the promise itself is left to itself then. Time for which
 * the event loop stood still is not the other side's: it gets its time once more.
 */
export function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error(`took longer than ${ms} ms`))
    const due = performance.now() + ms
    let timer = setTimeout(() => {
      if (performance.now() - due < STALL_MS) fail()
      else timer = setTimeout(fail, ms)
    }, ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
