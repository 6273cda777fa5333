import {
  PoolOverloadedError,
  ResourcePoolClosedError,
  ResourceTimeoutError,
  ResourceUnavailableError,
} from '../errors.ts'
import type { PoolErrors } from '../pool/pool-errors.ts'
import type { PoolStats } from '../pool/pool-stats.ts'
import { retryAfterSeconds } from '../util/retry-after.ts'

const RETRY_AFTER_MS = 1000

/** What callers of a resource pool are told instead of being lent something. */
export class ResourceErrors implements PoolErrors {
  readonly #pool: string
  readonly #random: () => number

  constructor(pool: string, random: () => number) {
    this.#pool = pool
    this.#random = random
  }

  timeout(timeoutMs: number, { active, max, waiting }: PoolStats, cause: unknown): ResourceTimeoutError {
    return new ResourceTimeoutError(
      `No resource of the pool "${this.#pool}" within ${timeoutMs} ms (${active} of ${max} in use, ${waiting} more ` +
        'waiting). Raise size or timeoutMs, or hold resources for less time.',
      { ...this.#common(), cause },
    )
  }

  overloaded({ waiting }: PoolStats, maxWaiting: number): PoolOverloadedError {
    return new PoolOverloadedError(
      `All resources of the pool "${this.#pool}" are taken, and ${waiting} callers already wait for one: more than ` +
        `${maxWaiting} may not (maxWaiting).`,
      this.#common(),
    )
  }

  shed(): PoolOverloadedError {
    return new PoolOverloadedError(`The pool "${this.#pool}" gets more than it can serve.`, this.#common())
  }

  draining(): ResourcePoolClosedError {
    const message = `The resource pool "${this.#pool}" is closed, or being closed, and lends nothing any more.`
    return new ResourcePoolClosedError(message)
  }

  unavailable(cause: unknown): ResourceUnavailableError {
    const message = `The pool "${this.#pool}" could not create a resource: see the cause.`
    return new ResourceUnavailableError(message, { ...this.#common(), cause })
  }

  #common() {
    return { retryAfter: retryAfterSeconds(RETRY_AFTER_MS, this.#random) }
  }
}
