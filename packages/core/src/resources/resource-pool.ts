import type { PoolStats } from '../pool/pool-stats.ts'
import type { LatencySummary } from '../util/latency-window.ts'

/** How one caller waits. */
export interface ResourceTerms {
  /** In milliseconds. @default the pool's */
  readonly timeoutMs?: number | undefined
  /** Ends the waiting; a function that runs already is left to itself. */
  readonly signal?: AbortSignal | undefined
}

/** What a pool holds at this moment, and what has happened since it was made. */
export interface ResourcePoolStats extends PoolStats {
  readonly size: number
  /** How many callers could have one now: those at rest, and those that have not been made yet. */
  readonly available: number
  readonly checkoutCount: number
  readonly createdCount: number
  readonly createFailureCount: number
  readonly destroyedCount: number
  readonly timeoutCount: number
  readonly leakCount: number
  /** How long those had waited who got one, over the last minute. */
  readonly waitMs: LatencySummary
  /** How long they had it. */
  readonly heldMs: LatencySummary
}

/**
 * Lends things that are dear to make, or that one at a time may use: producers, channels, clients. Made by
 * {@link createResourcePool}. `T` is a resource, `X` what the hook `begin` returns.
 */
export interface ResourcePool<T, X = unknown> extends AsyncDisposable {
  readonly name: string
  readonly size: number
  /**
   * Runs `fn` with a resource that nobody else has meanwhile, and settles as it does. An error gives the resource back
   * as well, after `validate` where there is one.
   *
   * Inside of a function that has a resource of this pool it is the same one, in turns with what else asks for it there.
   *
   * Rejects with ResourceTimeoutError, ResourceUnavailableError when none could be made, PoolOverloadedError,
   * CheckoutAbortedError when `signal` aborts, ResourcePoolClosedError; `fn` has not run then.
   */
  with<R>(fn: (resource: T) => R | PromiseLike<R>, terms?: ResourceTerms): Promise<Awaited<R>>
  /**
   * Runs `fn` between `begin` and `commit`; an error rolls back, and is what it rejects with. A rollback that fails
   * destroys the resource. Inside of another transaction of this pool it is that one, which is rolled back when this one
   * fails, even if the error is caught in between.
   *
   * Rejects as {@link with} does, and with what `begin` and `commit` fail with. After a failed `commit` nobody knows
   * whether it was done. Rejects with TypeError where the pool has no `begin`.
   */
  transaction<R>(
    fn: (resource: T, transaction: X) => R | PromiseLike<R>,
    terms?: ResourceTerms,
  ): Promise<Awaited<R>>
  stats(): ResourcePoolStats
  /**
   * Replaces all resources: those at rest are destroyed now, those in use when they come back, never under their users;
   * new ones are made when they are needed. Settles when nothing of the old ones is left. Rejects with
   * ResourcePoolClosedError, and with Error inside of a function that has a resource of this pool.
   */
  reload(): Promise<void>
  /**
   * Lends nothing any more, refuses those who wait, destroys what is at rest, and what is in use when it comes back, or
   * after `deadlineMs`. Settles when nothing is left. Called again it returns the same promise.
   *
   * @param options.force destroys everything now, also what is in use. @default false
   * @param options.deadlineMs in milliseconds. @default 10000
   */
  close(options?: { readonly force?: boolean; readonly deadlineMs?: number }): Promise<void>
}
