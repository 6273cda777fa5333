import type { Endpoint } from '../topology/topology.ts'

/**
 * How many connections of each pool all fan-outs together may hold: half of it, at least one, so that requests are never
 * left without. Whoever waits for his part waits outside of the pool's queue, and holds nothing of that pool.
 */
export class ConnectionBudgets {
  // By the endpoint itself: one that a reload has changed is another, with a pool of another size.
  readonly #budgets = new WeakMap<Endpoint, Budget>()

  of(endpoint: Endpoint): Budget {
    let budget = this.#budgets.get(endpoint)
    if (budget === undefined) {
      budget = new Budget(Math.max(1, Math.floor(endpoint.pool.max / 2)))
      this.#budgets.set(endpoint, budget)
    }
    return budget
  }
}

export class Budget {
  #left: number
  readonly size: number
  readonly #waiting = new Set<() => void>()

  constructor(size: number) {
    this.size = size
    this.#left = size
  }

  /** Takes a part of it: undefined when that was done at once, else a place in the queue, which `leave` gives up. */
  take(): undefined | { readonly taken: Promise<void>; leave(): boolean } {
    if (this.#left > 0) {
      this.#left--
      return undefined
    }
    let serve!: () => void
    const taken = new Promise<void>((resolve) => {
      serve = resolve
    })
    this.#waiting.add(serve)
    return { taken, leave: () => this.#waiting.delete(serve) }
  }

  giveBack(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next)
      next()
      return
    }
    this.#left++
  }
}
