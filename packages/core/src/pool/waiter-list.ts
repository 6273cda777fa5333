import type { PoolWaiter } from './pool-waiter.ts'

/**
 * Waiters in the order in which they came. They carry the links themselves: whoever is next is at hand, and leaving
 * from the middle costs no search. A `Set` has to skip what was taken out at its front, a microsecond at a thousand
 * callers.
 */
export class WaiterList<R> implements Iterable<PoolWaiter<R>> {
  #first: PoolWaiter<R> | undefined
  #last: PoolWaiter<R> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): PoolWaiter<R> | undefined {
    return this.#first
  }

  add(waiter: PoolWaiter<R>): void {
    waiter.list = this
    waiter.previous = this.#last
    if (this.#last === undefined) this.#first = waiter
    else this.#last.next = waiter
    this.#last = waiter
    this.#size++
  }

  /** False when the waiter is not in this list. */
  delete(waiter: PoolWaiter<R>): boolean {
    if (waiter.list !== this) return false
    const { previous, next } = waiter
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    waiter.list = waiter.previous = waiter.next = undefined
    this.#size--
    return true
  }

  /** Whoever is yielded may be taken out before the next one is asked for. */
  *[Symbol.iterator](): Iterator<PoolWaiter<R>> {
    let waiter = this.#first
    while (waiter !== undefined) {
      const { next } = waiter
      yield waiter
      waiter = next
    }
  }
}
