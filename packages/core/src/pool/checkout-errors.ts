import {
  CheckoutTimeoutError,
  PoolDrainingError,
  PoolOverloadedError,
  ShardUnavailableError,
} from '../errors.ts'
import { retryAfterSeconds } from '../util/retry-after.ts'
import type { PoolErrors } from './pool-errors.ts'
import type { PoolStats } from './pool-stats.ts'

const RETRY_AFTER_MS = 1000

/** What callers of one shard's pool are told instead of being lent something. */
export class CheckoutErrors implements PoolErrors {
  readonly #shard: string
  readonly #random: () => number

  constructor(shard: string, random: () => number) {
    this.#shard = shard
    this.#random = random
  }

  timeout(
    timeoutMs: number,
    { active, max, waiting, blockedBy }: PoolStats & { readonly blockedBy?: string | undefined },
    cause: unknown,
  ): CheckoutTimeoutError {
    const why = blockedBy === undefined ? '' : `, and ${blockedBy} used up`
    return new CheckoutTimeoutError(
      `No connection to shard "${this.#shard}" within ${timeoutMs} ms (${active} of ${max} in use, ${waiting} more ` +
        `waiting${why}). Raise ${blockedBy === undefined ? 'pool.max' : 'that limit'} or pool.checkoutTimeoutMs, or ` +
        'hold connections for less time.',
      { ...this.#common(), cause },
    )
  }

  overloaded({ waiting }: PoolStats, maxWaiting: number): PoolOverloadedError {
    return new PoolOverloadedError(
      `All connections to shard "${this.#shard}" are taken, and ${waiting} callers already wait for one: more than ` +
        `${maxWaiting} may not (pool.maxWaiting).`,
      this.#common(),
    )
  }

  shed(targetMs: number, intervalMs: number): PoolOverloadedError {
    return new PoolOverloadedError(
      `Shard "${this.#shard}" gets more than it can serve: nobody got a connection in less than ${targetMs} ms ` +
        `(pool.shedTargetMs) for ${intervalMs} ms, and some got none, so whoever had waited for more than ` +
        `${2 * targetMs} ms was refused. Raise pool.max, or hold connections for less time.`,
      this.#common(),
    )
  }

  draining(): PoolDrainingError {
    const message = `Shard "${this.#shard}" is being closed and lends no more connections.`
    return new PoolDrainingError(message, this.#common())
  }

  unavailable(cause: unknown): ShardUnavailableError {
    const message = `The database of shard "${this.#shard}" cannot be reached.`
    return new ShardUnavailableError(message, { ...this.#common(), cause })
  }

  #common() {
    return { shard: this.#shard, retryAfter: retryAfterSeconds(RETRY_AFTER_MS, this.#random) }
  }
}
