import type { BatchOutcome } from './batch-outcome.ts'
import type { Identified, JobTarget, MessageTarget } from './job-target.ts'

/** Whatever its parameters: it is only called with what its caller brought. */
export type AnyFunction = (this: never, ...args: never) => unknown

type OrPromise<T> = T | PromiseLike<T>

// Two signatures each: parameters may be declared by the handler, by `identify`, or by what the result is handed to.
type Identify<This, A extends unknown[], T = JobTarget> = (this: This, ...args: A) => OrPromise<Identified<T>>
type Handler<This, A extends unknown[]> = (this: This, ...args: A) => unknown

export type ShardedJob<This, A extends unknown[], R> = (this: This, ...args: A) => Promise<Awaited<R>>

/** What a `Sharding` offers to workers of queues; each is a function of the package, too. */
export interface JobApi {
  /**
   * Turns a handler of jobs into one that runs in its tenant's scope, on one connection, which goes back when the
   * handler settles, with all that it took on other shards and roles.
   *
   * `identify` is called with the handler's arguments and returns the tenant's id, a target such as
   * `{ shard: 'shard_1' }` or `{ tenant, role: 'reading', signal }`, or a token of `captureScope()`; or a promise of
   * one. `this` and all arguments pass through.
   *
   * Each call has a scope and a connection of its own, whatever scope it is made in; only a lock around it holds.
   * Rejects, before the handler has run, with TenantMissingError, TenantInvalidError, TenantUnknownError,
   * ScopeLockedError and the errors of checking out; with JobAbortedError when `signal` aborts.
   */
  shardedJob<This, A extends unknown[], R, I extends Identify<This, A>>(
    identify: I,
    handler: (this: This, ...args: A) => R,
  ): ShardedJob<This, A, R>
  shardedJob<This, A extends unknown[], H extends Handler<This, A>>(
    identify: (this: This, ...args: A) => OrPromise<Identified>,
    handler: H,
  ): ShardedJob<This, A, ReturnType<H>>

  /**
   * Turns a handler of one message into a function of many, which takes one connection a shard (and role) instead of
   * one a message. Messages of one shard run one after another, in their order, each in its tenant's scope and in a
   * cleaned session; `concurrency` shards run at a time.
   *
   * `identify` and `handler` are called with a message and whatever else the function was called with. One message's
   * failure stops no other.
   */
  shardedBatch<This, M, A extends unknown[], R, I extends Identify<This, [M, ...A], MessageTarget>>(
    identify: I,
    handler: (this: This, message: M, ...rest: A) => R,
    options?: BatchOptions,
  ): ShardedBatch<This, M, A, Awaited<R>>
  shardedBatch<This, M, A extends unknown[], H extends Handler<This, [M, ...A]>>(
    identify: (this: This, message: M, ...rest: A) => OrPromise<Identified<MessageTarget>>,
    handler: H,
    options?: BatchOptions,
  ): ShardedBatch<This, M, A, Awaited<ReturnType<H>>>
}

export interface BatchOptions {
  /** How many shards are worked on at a time, each on one connection. At least 1. @default 8 */
  readonly concurrency?: number
}

export interface ShardedBatch<This, M, A extends unknown[], R> {
  /**
   * Runs all messages and returns what the handler returned, in the messages' order. If any has failed it rejects, when
   * all have been run, with BatchFailedError, which names each.
   */
  (this: This, messages: Iterable<M>, ...rest: A): Promise<R[]>
  /** The same, never rejecting for a message: what became of each, in the messages' order. */
  settled(this: This, messages: Iterable<M>, ...rest: A): Promise<BatchOutcome<M, R>[]>
}
