import type { Knex } from 'knex'
import type { Scope, ScopeToken, Target, TenantId } from './scope.ts'

/** knex on the connection of the scope that code runs in. */
export interface ShardedKnex extends Knex {
  /**
   * knex on the database of what belongs to no tenant, `shared` in the configuration, beside the scope's own shard: on a
   * connection of its own, which the request, the job or the outermost `connectedTo` takes with the first query and gives
   * back at its end. Inside `db.shared.transaction(fn)` it is that transaction; `db` stays where it is.
   *
   * Queries reject with what checking out rejects with, about the shard `shared`. Throws ShardUnknownError where the
   * configuration has none, ScopeMissingError outside of scopes.
   */
  readonly shared: Knex
}

/** What a `Sharding` offers to code that runs in scopes; each is a function of the package, too. */
export interface ScopeApi {
  /**
   * knex on the current scope's connection: `db('table')`, `db.raw`, `db.transaction`, … Inside
   * `db.transaction(fn)` it is the transaction. Outside of scopes only `fn`, `ref`, `client`, `on` and `off` work;
   * the rest throws ScopeMissingError.
   */
  readonly db: ShardedKnex

  /**
   * Runs `fn` connected to `target` and returns what it returns, awaited inside. The connection is taken first
   * (unless `checkout: 'lazy'`) and given back when `fn` settles, however it settles.
   *
   * A nested call for the same shard and role uses the same connection. Rejects with the errors of routing
   * (TenantUnknownError, …), of scopes (ScopeLockedError, ShardUnknownError, …) and of checking out
   * (CheckoutTimeoutError, …; see `docs/errors.md`), and then `fn` has not run.
   */
  connectedTo<T>(target: Target, fn: () => T | PromiseLike<T>): Promise<Awaited<T>>

  /** `connectedTo({ tenant }, fn)`. */
  connectedToTenant<T>(tenant: TenantId, fn: () => T | PromiseLike<T>): Promise<Awaited<T>>

  /** The scope that this code runs in, or undefined. */
  currentScope(): Scope | undefined

  /** The scope that this code runs in; throws ScopeMissingError outside. */
  requireScope(): Scope

  /** Aborts when the request's client goes away or the job's function has settled. Throws ScopeMissingError. */
  scopeSignal(): AbortSignal

  /** `fn`, to be called from anywhere, running where `bindScope` was called: for callbacks of event emitters. */
  bindScope<F extends (...args: never[]) => unknown>(fn: F): F

  /** Runs `fn` in the current scope without its lock. Throws ScopeMissingError. */
  unlocked<T>(fn: () => T): T

  /**
   * Gives the scope's connection back for as long as no query needs it, for instance during a slow call to another
   * service; the next query takes one again. Rejects with LeaseBlockedError while a transaction or stream is open.
   */
  releaseConnection(): Promise<void>

  /**
   * Runs `fn` inside a transaction that was begun without a callback (`await db.transaction()`), so that the ambient
   * `db` is that transaction. Rejects with ScopeMismatchError when it belongs to another scope.
   */
  withTransaction<T>(trx: Knex.Transaction, fn: () => T | PromiseLike<T>): Promise<Awaited<T>>

  /**
   * Runs `fn` with the driver's own connection (for `pg` a `Client`), which nobody else uses meanwhile. Afterwards
   * every use of the handle throws LeaseRevokedError.
   */
  withRawConnection<T, C = unknown>(fn: (connection: C) => Promise<T>): Promise<T>

  /** The current scope as plain data, for a job's payload. Throws ScopeMissingError. */
  captureScope(): ScopeToken

  /**
   * Runs `fn` in a captured scope. A tenant goes to the shard that it lives on now. A token proves nothing: whoever can
   * write into the queue can write one. Rejects with TypeError when it is no token, else as `connectedTo`.
   */
  runInScope<T>(token: ScopeToken, fn: () => T | PromiseLike<T>): Promise<Awaited<T>>

  /** The shard on which a tenant lives. Rejects with TenantUnknownError, TenantInvalidError, RouterUnavailableError. */
  shardFor(tenant: TenantId): Promise<string>
}
