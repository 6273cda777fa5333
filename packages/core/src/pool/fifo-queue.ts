import { LinkedList } from '../util/linked-list.ts'
import type { PoolQueue } from './pool-queue.ts'
import type { PoolWaiter } from './pool-waiter.ts'

/** First come, first served, whoever it is. */
export class FifoQueue<R> implements PoolQueue<R> {
  readonly #waiters = new LinkedList<PoolWaiter<R>>()

  get size(): number {
    return this.#waiters.size
  }

  eligible(): number {
    return this.#waiters.size
  }

  peek(): PoolWaiter<R> | undefined {
    return this.#waiters.first
  }

  add(waiter: PoolWaiter<R>): void {
    this.#waiters.add(waiter)
  }

  delete(waiter: PoolWaiter<R>): boolean {
    return this.#waiters.delete(waiter)
  }

  [Symbol.iterator](): Iterator<PoolWaiter<R>> {
    return this.#waiters[Symbol.iterator]()
  }

  admits(): boolean {
    return true
  }

  lent(): void {}

  returned(): void {}
}
