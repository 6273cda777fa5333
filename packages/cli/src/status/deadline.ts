/** The end of the time that everything together may take. */
export class Deadline {
  readonly #timeoutMs: number
  readonly #at: number

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.#at = performance.now() + timeoutMs
  }

  /** At least 1, as limits in time have to be. */
  get leftMs(): number {
    return Math.max(1, Math.ceil(this.#at - performance.now()))
  }

  /** The promise's outcome, or a rejection at the deadline; the promise itself is left to itself then. */
  async bound<T>(promise: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new LateError(`no answer within ${this.#timeoutMs} ms`)), this.leftMs)
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

class LateError extends Error {
  readonly code = 'ETIMEDOUT'
}
