import type { Linked } from '../util/linked-list.ts'
import type { Pooled } from './pooled.ts'

export interface CheckoutTerms {
  /** When it began to wait. */
  readonly since: number
  readonly timeoutMs: number
  readonly tenant: string | undefined
}

/** Somebody in a pool's queue, until a deadline. */
export class PoolWaiter<R> implements Linked<PoolWaiter<R>> {
  readonly promise: Promise<Pooled<R>>
  /** When it began to wait. */
  readonly since: number
  readonly timeoutMs: number
  readonly deadline: number
  /** For whom it waits, where that is known. */
  readonly tenant: string | undefined
  list: object | undefined
  previous: PoolWaiter<R> | undefined
  next: PoolWaiter<R> | undefined
  #serve!: (pooled: Pooled<R>) => void
  #refuse!: (error: unknown) => void

  constructor({ since, timeoutMs, tenant }: CheckoutTerms) {
    this.promise = new Promise((resolve, reject) => {
      this.#serve = resolve
      this.#refuse = reject
    })
    this.since = since
    this.timeoutMs = timeoutMs
    this.deadline = since + timeoutMs
    this.tenant = tenant
  }

  serve(pooled: Pooled<R>): void {
    this.#serve(pooled)
  }

  refuse(error: unknown): void {
    this.#refuse(error)
  }
}
