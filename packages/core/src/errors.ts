/**
 * Every error Sherd throws, as siblings under {@link ShardingError}: none is a subclass of another, so a
 * `catch` can tell them apart by class or by `code`. `docs/errors.md` says for each when it comes and what to do.
 */

const BRAND = Symbol.for('sherd.error')

/** What every error of Sherd may be given beside its message. */
export interface ShardingErrorOptions {
  /** Name of the shard that the error is about. */
  readonly shard?: string
  /** The error underneath: a driver's, a router's, a system call's. */
  readonly cause?: unknown
  /** Whole seconds after which trying again makes sense; becomes the `Retry-After` header. */
  readonly retryAfter?: number
  /** HTTP status, where it depends on what has happened. @default the class's */
  readonly status?: number
}

/**
 * Base of all errors of Sherd.
 *
 * `instanceof` also holds across copies of the package (ESM beside CommonJS, a bundle beside `node_modules`),
 * because it compares codes instead of prototypes.
 */
export abstract class ShardingError extends Error {
  /** Stable machine-readable name, `SHARD_ERR_<NOUN>_<STATE>`. */
  static readonly code: string = 'SHARD_ERR'
  /** HTTP status that a framework should answer with. */
  static readonly status: number = 500
  /** Whether the same call may succeed later without a change by the programmer. */
  static readonly retryable: boolean = false

  readonly code: string
  readonly statusCode: number
  /** Alias of `statusCode` under the name that Express reads. */
  readonly status: number
  readonly retryable: boolean
  readonly shard: string | undefined
  /** Whole seconds, or undefined when trying again does not help. */
  readonly retryAfter: number | undefined
  /** Response headers, under the name that Express and Fastify honour. Never a shared object. */
  readonly headers: Readonly<Record<string, string>>

  constructor(message: string, options: ShardingErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    const kind = new.target
    this.name = kind.name
    this.code = kind.code
    this.statusCode = this.status = options.status ?? kind.status
    this.retryable = kind.retryable
    this.shard = options.shard
    this.retryAfter = options.retryAfter
    this.headers =
      options.retryAfter === undefined
        ? { 'cache-control': 'no-store' }
        : { 'cache-control': 'no-store', 'retry-after': String(options.retryAfter) }
    Object.defineProperty(this, BRAND, { value: kind.code })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null || !(BRAND in value)) return false
    if (this === ShardingError) return true
    // A user's own subclass has no code of its own: the ordinary check serves it.
    return Object.hasOwn(this, 'code')
      ? value[BRAND] === this.code
      : Object.prototype.isPrototypeOf.call(this.prototype, value)
  }
}

// --- Configuration -------------------------------------------------------------------------------------------

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** File it stands in, as the user would open it; `config` for a configuration given as an object. */
  readonly file: string
  /** Where in the file: `pool.max`, `replicas[0].connection`; empty for the file as a whole. */
  readonly path: string
  /** The offending value with every secret redacted, or undefined where there is none to show. */
  readonly value: string | undefined
  /** What is wrong. */
  readonly message: string
  /** What to do about it. */
  readonly mend: string
}

/** The configuration cannot be used; `problems` has everything that is wrong with it, in file order. */
export class ConfigInvalidError extends ShardingError {
  static override readonly code = 'SHARD_ERR_CONFIG_INVALID'
  declare readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(describeProblems(problems))
    // Not enumerable, so that a terminal shows the message and not the same once more as objects.
    Object.defineProperty(this, 'problems', { value: Object.freeze([...problems]) })
  }
}

/** More than anybody reads at once; the rest is in `problems`. */
const PROBLEMS_DESCRIBED = 100

function describeProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.slice(0, PROBLEMS_DESCRIBED).map(({ file, path, value, message, mend }) => {
    const where = path === '' ? file : `${file} › ${path}`
    const shown = value === undefined ? '' : ` (found ${value})`
    return `  ${where}\n    ${message}${shown}\n    → ${mend}`
  })
  const left = problems.length - PROBLEMS_DESCRIBED
  if (left > 0) lines.push(`  … and ${left} more`)
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  return `The sharding configuration has ${count}:\n${lines.join('\n')}`
}

// --- Mistakes of the programmer: 500, never retryable ---------------------------------------------------------

/** Code that needs a shard ran outside every scope. */
export class ScopeMissingError extends ShardingError {
  static override readonly code = 'SHARD_ERR_SCOPE_MISSING'
}

/** A locked scope was asked for another shard or another tenant. */
export class ScopeLockedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_SCOPE_LOCKED'
}

/** A query came from a scope whose function has already settled. */
export class ScopeEndedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_SCOPE_ENDED'
}

/** Two things that must belong together do not: a tenant and a shard, a query and a transaction. */
export class ScopeMismatchError extends ShardingError {
  static override readonly code = 'SHARD_ERR_SCOPE_MISMATCH'
}

/** No shard of that name is configured. */
export class ShardUnknownError extends ShardingError {
  static override readonly code = 'SHARD_ERR_SHARD_UNKNOWN'
}

/** A statement that may write was about to run in a scope that prevents writes. */
export class WritePreventedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_WRITE_PREVENTED'
}

/** The connection has been taken back from this scope, for instance after the response. */
export class LeaseRevokedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_LEASE_REVOKED'
}

/** A query waited behind a transaction or stream that kept the connection idle for too long. */
export class LeaseBlockedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_LEASE_BLOCKED'
}

/** The transaction that a query belongs to has already ended. */
export class TransactionEndedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_TRANSACTION_ENDED'
}

/** A commit was asked for and the server rolled the transaction back. */
export class TransactionAbortedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_TRANSACTION_ABORTED'
}

/** The connection broke while a COMMIT was on its way: the server may or may not have committed. */
export class CommitUnknownError extends ShardingError {
  static override readonly code = 'SHARD_ERR_COMMIT_UNKNOWN'
}

/** A query took longer than `queryTimeoutMs`. Outside of transactions a write may have been done. */
export class QueryTimeoutError extends ShardingError {
  static override readonly code = 'SHARD_ERR_QUERY_TIMEOUT'
}

/** A shard's address leads to a database that is another shard's, or not the one that was declared. */
export class IdentityMismatchError extends ShardingError {
  static override readonly code = 'SHARD_ERR_IDENTITY_MISMATCH'
}

// --- The request ---------------------------------------------------------------------------------------------

/** The request names no tenant although one is required. */
export class TenantMissingError extends ShardingError {
  static override readonly code = 'SHARD_ERR_TENANT_MISSING'
  static override readonly status = 400
}

/** The tenant id is malformed or ambiguous. */
export class TenantInvalidError extends ShardingError {
  static override readonly code = 'SHARD_ERR_TENANT_INVALID'
  static override readonly status = 400
}

/** The router maps this tenant to no shard. */
export class TenantUnknownError extends ShardingError {
  static override readonly code = 'SHARD_ERR_TENANT_UNKNOWN'
  static override readonly status = 404
}

// --- No connection to be had: 503, retryable -----------------------------------------------------------------

/** No connection became free before the checkout's deadline. */
export class CheckoutTimeoutError extends ShardingError {
  static override readonly code = 'SHARD_ERR_CHECKOUT_TIMEOUT'
  static override readonly status = 503
  static override readonly retryable = true
}

/** Whoever waited for a connection has gone away. */
export class CheckoutAbortedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_CHECKOUT_ABORTED'
  static override readonly status = 503
}

/** The queue for connections is full. */
export class PoolOverloadedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_POOL_OVERLOADED'
  static override readonly status = 503
  static override readonly retryable = true
}

/** The pool is being closed and lends no more connections. */
export class PoolDrainingError extends ShardingError {
  static override readonly code = 'SHARD_ERR_POOL_DRAINING'
  static override readonly status = 503
  static override readonly retryable = true
}

/** The shard's database refuses connections or cannot be reached. */
export class ShardUnavailableError extends ShardingError {
  static override readonly code = 'SHARD_ERR_SHARD_UNAVAILABLE'
  static override readonly status = 503
  static override readonly retryable = true
}

/**
 * The connection that a scope held is gone. What was on its way may have been carried out, so that repeating it is for
 * the programmer to decide; a new scope gets a new connection.
 */
export class ConnectionLostError extends ShardingError {
  static override readonly code = 'SHARD_ERR_CONNECTION_LOST'
  static override readonly status = 503
}

/** The shard's database is down, or isolated by hand, and is not asked until it is back. */
export class CircuitOpenError extends ShardingError {
  static override readonly code = 'SHARD_ERR_CIRCUIT_OPEN'
  static override readonly status = 503
  static override readonly retryable = true
}

/** The directory of tenants cannot be asked right now. */
export class RouterUnavailableError extends ShardingError {
  static override readonly code = 'SHARD_ERR_ROUTER_UNAVAILABLE'
  static override readonly status = 503
  static override readonly retryable = true
}

// --- Pools of other resources --------------------------------------------------------------------------------

/** No resource of a pool became free within `timeoutMs`. */
export class ResourceTimeoutError extends ShardingError {
  static override readonly code = 'SHARD_ERR_RESOURCE_TIMEOUT'
  static override readonly status = 503
  static override readonly retryable = true
}

/** A resource pool could not create what it lends; `cause` says why. */
export class ResourceUnavailableError extends ShardingError {
  static override readonly code = 'SHARD_ERR_RESOURCE_UNAVAILABLE'
  static override readonly status = 503
  static override readonly retryable = true
}

/** The resource pool is closed, or being closed, and lends nothing more. */
export class ResourcePoolClosedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_RESOURCE_POOL_CLOSED'
  static override readonly status = 503
  static override readonly retryable = true
}

/** There is no resource pool of that name, or none has been set up. */
export class ResourcePoolMissingError extends ShardingError {
  static override readonly code = 'SHARD_ERR_RESOURCE_POOL_MISSING'
}

// --- The start -----------------------------------------------------------------------------------------------

/** A shard that has to be there at the start. */
export interface FailedStart {
  readonly shard: string
  /** What went wrong: `ECONNREFUSED`, `28P01`, `SHARD_ERR_IDENTITY_MISMATCH`. */
  readonly code: string
}

/** This process has got no share of a server's `maxConnections` in time, which it divides with others. */
export class BudgetUnavailableError extends ShardingError {
  static override readonly code = 'SHARD_ERR_BUDGET_UNAVAILABLE'
}

/** Shards with `startup: fail` could not be warmed up; `failures` names them, `cause` has their errors. */
export class StartupFailedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_STARTUP_FAILED'
  /** In the order of the configuration. */
  readonly failures: readonly FailedStart[]

  constructor(
    message: string,
    { failures = [], ...options }: ShardingErrorOptions & { readonly failures?: readonly FailedStart[] } = {},
  ) {
    super(message, options)
    this.failures = Object.freeze([...failures])
  }
}

// --- A new configuration -------------------------------------------------------------------------------------

/** What a new configuration would place elsewhere. */
export interface Rerouting {
  /**
   * `tenant`: one that is listed by name; `range`: ids, `slots`: slots, of which the first and the last are given;
   * `remainder`: one of `modulo`; `strategy`: everything that one places, because it would be placed in another way.
   */
  readonly kind: 'tenant' | 'range' | 'slots' | 'remainder' | 'strategy'
  /** `acme`, `100 to 199`, `8192 to 16383`, `3`, `modulo`. */
  readonly subject: string
  /** A shard, or the strategy that decides. */
  readonly from: string
  readonly to: string
}

/** A reload would route tenants elsewhere, and their rows do not follow by themselves. Nothing has changed. */
export class ReroutingRefusedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_REROUTING_REFUSED'
  /** All of them; the message names the first. */
  declare readonly reroutings: readonly Rerouting[]

  constructor(
    message: string,
    {
      reroutings = [],
      ...options
    }: ShardingErrorOptions & { readonly reroutings?: readonly Rerouting[] } = {},
  ) {
    super(message, options)
    // Not enumerable: there may be as many as tenants.
    Object.defineProperty(this, 'reroutings', { value: Object.freeze([...reroutings]) })
  }
}

// --- Jobs ----------------------------------------------------------------------------------------------------

/** The signal that a job was given has aborted: it timed out, or was cancelled. `cause` is the signal's reason. */
export class JobAbortedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_JOB_ABORTED'
}

/** A message of a batch that was not handled. */
export interface FailedMessage {
  /** Its place in the batch. */
  readonly index: number
  readonly message: unknown
  /** What it failed with: what its handler threw, or why it never ran. */
  readonly reason: unknown
}

/** Messages of a batch have failed; all others have been handled. */
export class BatchFailedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_BATCH_FAILED'
  /** In the order of the batch. */
  declare readonly failures: readonly FailedMessage[]

  constructor(message: string, { failures = [] }: { readonly failures?: readonly FailedMessage[] } = {}) {
    super(message, failures[0] === undefined ? {} : { cause: failures[0].reason })
    // Not enumerable: queues write errors down whole, and these hold the messages.
    Object.defineProperty(this, 'failures', { value: Object.freeze([...failures]) })
  }
}

// --- Several shards at once ----------------------------------------------------------------------------------

/** How much of what was asked for has come. */
export interface FanOutMetadata {
  readonly totalShards: number
  readonly successfulShards: number
  readonly failedShards: number
  /** `successfulShards` of `totalShards`, in per cent with two decimals; 100 only if none is missing. */
  readonly completeness: number
}

/** What became of one shard. */
export type FanOutOutcome<T = unknown> = {
  readonly shard: string
  /** In milliseconds, from the shard's turn on, its checkout included; 0 if its turn never came. */
  readonly durationMs: number
} & (
  | { readonly status: 'fulfilled'; readonly value: T }
  | { readonly status: 'rejected'; readonly reason: unknown }
)

/** What became of all of them; to go on where it ended, it is passed back as `resume`. */
export interface FanOutResult<T = unknown> {
  /** Names the run, on every shard and when it is resumed. */
  readonly key: string
  /** Of every shard, in the order of the configuration. */
  readonly outcomes: readonly FanOutOutcome<T>[]
  readonly metadata: FanOutMetadata
}

interface FanOutErrorOptions extends ShardingErrorOptions {
  readonly result?: FanOutResult
}

const NOTHING: FanOutResult = Object.freeze({
  key: '',
  outcomes: Object.freeze([]),
  metadata: Object.freeze({ totalShards: 0, successfulShards: 0, failedShards: 0, completeness: 0 }),
})

/**
 * Fewer shards have answered than `mode` asks for; the message and `result` name those that have not, with their errors.
 * `status` is 503 if all that is wrong is that shards could not be reached, or not in time.
 */
export class FanOutIncompleteError extends ShardingError {
  static override readonly code = 'SHARD_ERR_FAN_OUT_INCOMPLETE'
  declare readonly result: FanOutResult

  constructor(message: string, { result = NOTHING, ...options }: FanOutErrorOptions = {}) {
    super(message, options)
    // Not enumerable: a logger would write every shard's rows down.
    Object.defineProperty(this, 'result', { value: result })
  }
}

/** Why a shard is missing: it had not finished when its time, or that of all, was over. */
export class FanOutTimeoutError extends ShardingError {
  static override readonly code = 'SHARD_ERR_FAN_OUT_TIMEOUT'
  static override readonly status = 503
  static override readonly retryable = true
}

/**
 * Why a shard is missing, or all are: another shard has failed, the signal has aborted, the client has gone, or the scope
 * around has ended. `cause` is the reason.
 */
export class FanOutCancelledError extends ShardingError {
  static override readonly code = 'SHARD_ERR_FAN_OUT_CANCELLED'
  declare readonly result: FanOutResult

  constructor(message: string, { result = NOTHING, ...options }: FanOutErrorOptions = {}) {
    super(message, options)
    Object.defineProperty(this, 'result', { value: result })
  }
}

/** Rows of several shards do not have the same columns, or not the order that they are to be merged in. */
export class RowsMismatchError extends ShardingError {
  static override readonly code = 'SHARD_ERR_ROWS_MISMATCH'
}

// --- Migrations ----------------------------------------------------------------------------------------------

/** What became of one shard's schema. */
export type MigrationOutcome = {
  /**
   * Migrations that have been run, or undone, in that order; of a shard that has failed, those of which the effect has
   * stayed, as far as the shard could still tell.
   */
  readonly migrations: readonly string[]
  /** The number that knex gave them, or that of the last batch before; null where nothing has ever run or nobody knows. */
  readonly batch: number | null
  /** In milliseconds, from the shard's turn on, waiting for its connection and its lock included. */
  readonly durationMs: number
} & (
  | { readonly status: 'migrated' | 'unchanged' }
  | {
      readonly status: 'failed'
      readonly error: unknown
      /** The one that failed; undefined when something else did. */
      readonly migration: string | undefined
    }
  | {
      readonly status: 'skipped'
      /** Another shard has failed before, the canary has, or the signal has aborted. Nothing was touched. */
      readonly reason: 'stopped' | 'canary' | 'aborted'
    }
)

/** What became of all of them. */
export interface MigrationReport {
  /** Whether every shard is `migrated` or `unchanged`. */
  readonly ok: boolean
  readonly counts: Readonly<Record<MigrationOutcome['status'], number>>
  /** By name, in the order of the configuration. */
  readonly shards: Readonly<Record<string, MigrationOutcome>>
}

const NOT_RUN: MigrationReport = Object.freeze({
  ok: false,
  counts: Object.freeze({ migrated: 0, unchanged: 0, failed: 0, skipped: 0 }),
  shards: Object.freeze({}),
})

/**
 * Not all shards have been migrated; the message and `report` name those that have not, with their errors, and `cause` is
 * the first of them, or the signal's reason.
 */
export class MigrationFailedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_MIGRATION_FAILED'
  declare readonly report: MigrationReport

  constructor(
    message: string,
    { report = NOT_RUN, ...options }: ShardingErrorOptions & { readonly report?: MigrationReport } = {},
  ) {
    super(message, options)
    // Not enumerable: a logger would write it down once more for every shard.
    Object.defineProperty(this, 'report', { value: report })
  }
}

/** Another run is at work on a shard's migrations, and was not done in time. */
export class MigrationLockedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_MIGRATION_LOCKED'
}

/** The signal has aborted between two migrations of a shard. `cause` is its reason. */
export class MigrationAbortedError extends ShardingError {
  static override readonly code = 'SHARD_ERR_MIGRATION_ABORTED'
}
