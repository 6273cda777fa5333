/**
 * How many connections of each pool all fan-outs together may hold: half of it, at least one, so that requests are never
 * left without. Whoever waits for his part waits outside of the pool's queue, and holds nothing of that pool.
 */
export class ConnectionBudgets {
  readonly #budgets = new Map<string, Budget>()

  of(endpoint: { readonly id: string; readonly pool: { readonly max: number } }): Budget {
    let budget = this.#budgets.get(endpoint.id)
    if (budget === undefined) {
      budget = new Budget(Math.max(1, Math.floor(endpoint.pool.max / 2)))
      this.#budgets.set(endpoint.id, budget)
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
