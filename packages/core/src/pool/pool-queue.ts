import type { PoolWaiter } from './pool-waiter.ts'

/** Those who wait for a resource: who is next, and who has to let others go first. */
export interface PoolQueue<R> extends Iterable<PoolWaiter<R>> {
  /** All who wait. */
  readonly size: number
  /** Those who may have a resource as soon as there is one, counted up to `most`. */
  eligible(most: number): number
  /** The next who may have one. */
  peek(): PoolWaiter<R> | undefined
  add(waiter: PoolWaiter<R>): void
  /** Takes somebody out: served, in his turn, or gone. False when he was not in the queue. */
  delete(waiter: PoolWaiter<R>, isServed: boolean): boolean
  /** Whether `tenant` may have a resource now, if one is free. */
  admits(tenant: string | undefined): boolean
  /** A resource was lent to `tenant`. */
  lent(tenant: string | undefined): void
  /** It is back, and free again or closed. */
  returned(tenant: string | undefined): void
}
