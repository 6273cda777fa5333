import { AsyncLocalStorage } from 'node:async_hooks'
import type { Timing } from './in-time.ts'
import type { Slot } from './slot.ts'
import { Turns } from './turns.ts'

/** A transaction on a resource, as those see it who are inside. */
export class OpenTransaction {
  /** What `begin` has returned. */
  readonly handle: unknown
  /** Why it cannot be committed: the first error of a transaction inside, which it is one with. */
  failure: { readonly error: unknown } | undefined

  constructor(handle: unknown) {
    this.handle = handle
  }
}

export interface UseOptions<T> {
  /** Whose resource it is. */
  readonly pool: object
  readonly slot: Slot<T>
  readonly timing: Timing
  /** The one that this one is inside of. */
  readonly transaction?: OpenTransaction | undefined
}

/**
 * A function that has a resource. What asks for one inside of it gets the same, in turns: nobody waits for a second
 * resource while he holds one, and no two branches of a function use one at the same time, or one the transaction of
 * the other.
 */
export class Use<T> {
  readonly pool: object
  readonly slot: Slot<T>
  readonly transaction: OpenTransaction | undefined
  readonly turns: Turns
  readonly outer: Use<unknown> | undefined
  #isOpen = true

  constructor({ pool, slot, timing, transaction }: UseOptions<T>) {
    this.pool = pool
    this.slot = slot
    this.transaction = transaction
    this.turns = new Turns(timing)
    this.outer = storage.getStore()
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Runs `fn` inside, and settles as it does once nothing that it has begun uses the resource. */
  async run<R>(fn: () => R | PromiseLike<R>): Promise<Awaited<R>> {
    try {
      return await storage.run(this, async () => await fn())
    } catch (error) {
      this.slot.isSuspect = true
      throw error
    } finally {
      // Whoever comes later gets a resource of his own.
      this.#isOpen = false
      await this.turns.quiet()
    }
  }
}

// Node charges for it from the first use on (https://nodejs.org/api/async_context.html).
const storage = new AsyncLocalStorage<Use<unknown>>()

/** The innermost one of `pool` that the code runs in, unless its function has settled. */
export function currentUse<T>(pool: object): Use<T> | undefined {
  for (let use = storage.getStore(); use !== undefined; use = use.outer) {
    if (use.pool === pool && use.isOpen) return use as Use<T>
  }
  return undefined
}
