import { LinkedList } from '../util/linked-list.ts'
import type { PoolQueue } from './pool-queue.ts'
import type { PoolWaiter } from './pool-waiter.ts'

/**
 * Tenants take turns, each with at most `perTenantMax` resources; the waiters of one tenant are served in the order in
 * which they came. Whoever waits for a tenant that has its share is passed over until a resource of that share is back.
 *
 * Those without a tenant have one turn together, and no limit.
 */
export class FairQueue<R> implements PoolQueue<R> {
  readonly #perTenantMax: number
  /** Resources lent, by tenant. */
  readonly #lent = new Map<string, number>()
  /** Those who wait, by tenant; the tenant whose turn is next comes first. */
  readonly #turns = new Map<string | undefined, LinkedList<PoolWaiter<R>>>()
  #size = 0

  constructor(perTenantMax: number) {
    this.#perTenantMax = perTenantMax
  }

  get size(): number {
    return this.#size
  }

  eligible(most: number): number {
    let count = 0
    for (const [tenant, waiters] of this.#turns) {
      if (count >= most) break
      count += Math.min(waiters.size, this.#left(tenant))
    }
    return Math.min(count, most)
  }

  peek(): PoolWaiter<R> | undefined {
    for (const [tenant, waiters] of this.#turns) {
      if (this.admits(tenant)) return waiters.first
    }
    return undefined
  }

  add(waiter: PoolWaiter<R>): void {
    let waiters = this.#turns.get(waiter.tenant)
    if (waiters === undefined) {
      waiters = new LinkedList()
      this.#turns.set(waiter.tenant, waiters)
    }
    waiters.add(waiter)
    this.#size++
  }

  delete(waiter: PoolWaiter<R>, isServed: boolean): boolean {
    const { tenant } = waiter
    const waiters = this.#turns.get(tenant)
    if (!waiters?.delete(waiter)) return false
    this.#size--
    // Taken out and put back, the tenant stands last.
    if (waiters.size === 0 || isServed) this.#turns.delete(tenant)
    if (waiters.size > 0 && isServed) this.#turns.set(tenant, waiters)
    return true
  }

  *[Symbol.iterator](): Iterator<PoolWaiter<R>> {
    for (const waiters of this.#turns.values()) yield* waiters
  }

  admits(tenant: string | undefined): boolean {
    return this.#left(tenant) > 0
  }

  lent(tenant: string | undefined): void {
    if (tenant !== undefined) this.#lent.set(tenant, (this.#lent.get(tenant) ?? 0) + 1)
  }

  returned(tenant: string | undefined): void {
    if (tenant === undefined) return
    const left = (this.#lent.get(tenant) ?? 0) - 1
    if (left > 0) this.#lent.set(tenant, left)
    else this.#lent.delete(tenant)
  }

  /** How many more the tenant may have. */
  #left(tenant: string | undefined): number {
    if (tenant === undefined) return Number.POSITIVE_INFINITY
    return this.#perTenantMax - (this.#lent.get(tenant) ?? 0)
  }
}
