import type { Pooled } from './pooled.ts'
import { Waiter } from './waiter.ts'

export interface CheckoutTerms {
  /** When it began to wait. */
  readonly since: number
  readonly timeoutMs: number
  readonly tenant: string | undefined
}

/** Somebody in a pool's queue. */
export class PoolWaiter<R> extends Waiter<Pooled<R>> {
  readonly timeoutMs: number
  /** For whom it waits, where that is known. */
  readonly tenant: string | undefined

  constructor({ since, timeoutMs, tenant }: CheckoutTerms, onExpire: (waiter: PoolWaiter<R>) => void) {
    super(since, since + timeoutMs, () => onExpire(this))
    this.timeoutMs = timeoutMs
    this.tenant = tenant
  }
}
