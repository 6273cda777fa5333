import type { PoolQueue } from './pool-queue.ts'
import type { PoolWaiter } from './pool-waiter.ts'

/** First come, first served, whoever it is. */
export class FifoQueue<R> implements PoolQueue<R> {
  readonly #waiters = new Set<PoolWaiter<R>>()

  get size(): number {
    return this.#waiters.size
  }

  eligible(): number {
    return this.#waiters.size
  }

  peek(): PoolWaiter<R> | undefined {
    for (const waiter of this.#waiters) return waiter
    return undefined
  }

  add(waiter: PoolWaiter<R>): void {
    this.#waiters.add(waiter)
  }

  delete(waiter: PoolWaiter<R>): boolean {
    return this.#waiters.delete(waiter)
  }

  [Symbol.iterator](): Iterator<PoolWaiter<R>> {
    return this.#waiters.values()
  }

  admits(): boolean {
    return true
  }

  lent(): void {}

  returned(): void {}
}
