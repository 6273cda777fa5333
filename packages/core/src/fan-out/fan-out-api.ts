import type { FanOutResult } from '../errors.ts'
import type { FanOutOptions, FanOutTarget } from './fan-out-options.ts'
import type { FanOutStream, FanOutStreamOptions, FanOutStreamTarget, ShardRow } from './fan-out-stream.ts'
import type { Compare } from './reduction.ts'
import type { RowOrder } from './row-order.ts'
import type { RowSource } from './shard-rows.ts'

type OrPromise<T> = T | PromiseLike<T>
type Scalar<T> = OrPromise<T | null | undefined | readonly object[] | object>

/** What came of a reduction: the value, and what it was made of. */
export interface Reduced<V> extends FanOutResult {
  readonly value: V
}

/** What a `Sharding` offers to code that asks several shards at once; each is a function of the package, too. */
export interface FanOutApi {
  /**
   * Runs `fn` on several shards at once, each time in a scope of its own that is locked to the shard, and returns what
   * became of each: by `mode`, all have succeeded, or at least one, or at least so many.
   *
   * In a scope, the shard that it is connected to is asked on the connection that is there; all others on connections of
   * the part of their pools, one half, that fan-outs may use. In a locked scope, such as a request's, it is refused unless
   * the middleware or the route has `allowFanOut`.
   *
   * Nothing is atomic: what has been written on one shard stays, whatever becomes of the others. `resume` runs the shards
   * that have failed once more.
   *
   * Rejects with FanOutIncompleteError when too many shards are missing, with FanOutCancelledError when `signal` aborts or
   * the scope around ends, with RowsMismatchError when lists of rows differ in their columns, with ScopeLockedError,
   * ShardUnknownError, the errors of routing, and TypeError or RangeError for options that cannot be used.
   */
  fanOut<T>(
    options: FanOutOptions<Awaited<T>>,
    fn: (target: FanOutTarget) => OrPromise<T>,
  ): Promise<FanOutResult<Awaited<T>>>

  /** `fanOut({}, fn)`: all shards, all of which have to succeed. */
  connectedToAllShards<T>(fn: (target: FanOutTarget) => OrPromise<T>): Promise<FanOutResult<Awaited<T>>>

  /**
   * `fanOut` of which the answers become one. The function returns, for each shard, its part: a count or a number, or what
   * knex makes of `count()`, `sum()`, `min()`, `max()`; for an average its `{ sum, count }`; for the top rows its own.
   *
   * A sum of numbers is a number; of texts, as which `bigint` and `numeric` come, an exact text. Null where no shard has
   * anything to sum or compare.
   *
   * Rejects as `fanOut`, and with TypeError for answers that cannot be reduced.
   */
  fanOutReduce(
    options: FanOutOptions<never> & { readonly reduce: 'count' },
    fn: (target: FanOutTarget) => Scalar<number | bigint | string>,
  ): Promise<Reduced<number>>
  fanOutReduce(
    options: FanOutOptions<never> & { readonly reduce: 'sum' },
    fn: (target: FanOutTarget) => Scalar<number | bigint | string>,
  ): Promise<Reduced<number | string | null>>
  fanOutReduce(
    options: FanOutOptions<never> & { readonly reduce: 'average' },
    fn: (target: FanOutTarget) => OrPromise<object>,
  ): Promise<Reduced<number | null>>
  // biome-ignore lint/suspicious/noExplicitAny: the type of a column's values is the caller's to say
  fanOutReduce<V = any>(
    options: FanOutOptions<never> & {
      readonly reduce: 'min' | 'max' | { readonly min: Compare } | { readonly max: Compare }
    },
    fn: (target: FanOutTarget) => Scalar<V>,
  ): Promise<Reduced<V | null>>
  fanOutReduce<Row extends object>(
    options: FanOutOptions<never> & { readonly reduce: { readonly top: number; readonly orderBy: RowOrder } },
    fn: (target: FanOutTarget) => OrPromise<readonly Row[]>,
  ): Promise<Reduced<readonly ShardRow<Row>[]>>

  /**
   * Ordered rows of several shards as one ordered stream, each with its shard's name. Each shard's function returns its
   * rows in the order of `orderBy`: a query, a stream of it, an async generator, a list. One row of each shard is looked
   * at, and one connection of each is held until its rows are over.
   *
   * Throws TypeError and ScopeLockedError at once. Reading it rejects with FanOutIncompleteError, FanOutTimeoutError (30 s
   * for all of it unless `totalTimeoutMs` says otherwise), FanOutCancelledError, and RowsMismatchError when rows do not
   * come in that order or differ in their columns.
   */
  fanOutStream<Row extends object>(
    options: FanOutStreamOptions,
    fn: (target: FanOutStreamTarget) => RowSource<Row>,
  ): FanOutStream<Row>
}
