import { CheckoutAbortedError, type ShardingError } from '../../src/errors.ts'
import type { PoolWaiter } from '../../src/pool/pool-waiter.ts'
import type { Pooled } from '../../src/pool/pooled.ts'
import type { ShardPool } from '../../src/pool/shard-pool.ts'

/** Somebody who asks a pool for a resource, and what came of it so far. */
export class Caller<R> {
  readonly #pool: ShardPool<R>
  readonly #waiter: PoolWaiter<R> | undefined
  #pooled: Pooled<R> | undefined
  error: ShardingError | undefined

  constructor(pool: ShardPool<R>, timeoutMs?: number, tenant?: string) {
    this.#pool = pool
    this.#pooled = pool.tryAcquire(tenant)
    if (this.#pooled !== undefined) return
    this.#waiter = pool.wait(timeoutMs, tenant)
    this.#waiter.promise.then(
      (pooled) => {
        this.#pooled = pooled
      },
      (error) => {
        this.error = error
      },
    )
  }

  /** Settles when it has been served, rejects when it is refused. */
  get end(): Promise<unknown> {
    return this.#waiter?.promise ?? Promise.resolve()
  }

  get outcome(): 'waiting' | 'served' | 'refused' {
    if (this.error !== undefined) return 'refused'
    return this.#pooled === undefined ? 'waiting' : 'served'
  }

  get pooled(): Pooled<R> {
    if (this.#pooled === undefined) throw new Error(`nothing is held: ${this.outcome}`)
    return this.#pooled
  }

  get resource(): R {
    return this.pooled.resource
  }

  release(): void {
    this.#pool.release(this.pooled)
  }

  destroy(): void {
    this.#pool.destroy(this.pooled)
  }

  /** Whether it was still in the queue. */
  leave(): boolean {
    if (this.#waiter === undefined) throw new Error('it never waited')
    return this.#pool.leave(this.#waiter, new CheckoutAbortedError('gone'))
  }
}

/** As many callers, one after the other. */
export function callers<R>(count: number, pool: ShardPool<R>, tenant?: string): Caller<R>[] {
  return Array.from({ length: count }, () => new Caller(pool, undefined, tenant))
}
