import type { FanOutResult } from '../errors.ts'
import type { Role } from '../pool/pool-registry.ts'
import type { TenantId } from '../scope/scope.ts'

/** Which shards are asked: those of `shards`, or those on which `tenants` live. */
export interface FanOutTargets {
  /** By name, or those for which a function says so. @default 'all' */
  readonly shards?: 'all' | readonly string[] | ((shard: string) => boolean)
  /** Each tenant's shard is asked once; the function is told which of them live there. */
  readonly tenants?: Iterable<TenantId>
}

/** How many shards have to answer: all, at least one, or at least so many. */
export type FanOutMode = 'complete' | 'partial' | { readonly atLeast: number }

/** Where connections come from, and how long everything may take. */
export interface FanOutLimits {
  /** Shards that are asked at a time: whichever is done makes room for the next. At least 1. @default 5 */
  readonly concurrency?: number
  /**
   * The same for shards on one server, by the host and port of their addresses; of replicas the first counts. Null for no
   * limit beyond `concurrency`. @default null
   */
  readonly concurrencyPerServer?: number | null
  /** @default as in the scope around, else 'writing' */
  readonly role?: Role
  /** Refuse statements that may write. @default as in the scope around; always true for the role 'reading' */
  readonly preventWrites?: boolean
  /** Milliseconds that a shard may take to give a connection. @default the shard's `pool.checkoutTimeoutMs` */
  readonly checkoutTimeoutMs?: number
  /**
   * Milliseconds that each shard may take, from its turn on, its checkout included; in a stream, for each row. Null for
   * no limit. @default null
   */
  readonly shardTimeoutMs?: number | null
  /** Milliseconds that all of it may take. Null for no limit. @default 30000 */
  readonly totalTimeoutMs?: number | null
  /** Stops everything when it aborts. */
  readonly signal?: AbortSignal
  /** Names the run, on every shard. @default a random UUID */
  readonly key?: string
}

export interface FanOutOptions<T = unknown> extends FanOutTargets, FanOutLimits {
  /** @default 'complete' */
  readonly mode?: FanOutMode
  /**
   * Once so many have failed that `mode` cannot be met any more: `cancel` the rest, or let it `continue`, so that as much
   * as possible is done. @default 'cancel'
   */
  readonly onFailure?: 'cancel' | 'continue'
  /**
   * Whether lists of rows have to have the same columns on every shard, of which their first rows are compared; `any` for
   * lists of whatever the function makes. @default 'same'
   */
  readonly columns?: 'same' | 'any'
  /** What an earlier run came to: shards that succeeded in it are not asked again. */
  readonly resume?: FanOutResult<T>
}

/** What the function is told about the shard that it runs on. */
export interface FanOutTarget {
  readonly shard: string
  /** Those of the option `tenants` that live here; undefined where it was not given. */
  readonly tenants: readonly string[] | undefined
  /** The run's name: the same when it is resumed, so that what has been done can be told from what has not. */
  readonly key: string
  /** Aborts when nobody waits for this shard any more. */
  readonly signal: AbortSignal
}
