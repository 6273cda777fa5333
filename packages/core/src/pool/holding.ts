import type { ShardingError } from '../errors.ts'
import { HeldConnection, type HeldConnectionOptions } from './held-connection.ts'
import type { LeaseSource } from './lease-source.ts'
import type { PoolWaiter } from './pool-waiter.ts'
import type { Pooled } from './pooled.ts'
import type { RawConnection } from './raw-connection.ts'

export interface HoldingOptions extends HeldConnectionOptions {
  /** Where it is taken from, as of now. */
  readonly source: () => LeaseSource
  /** An error keeps the lease from it: whether it goes elsewhere, from where {@link source} takes then. */
  readonly moves: (error: unknown) => boolean
  /** For whom a connection is taken, where the scope has a tenant: a pool may limit what one tenant holds. */
  readonly tenant: string | undefined
  /** Why the lease may have no connection; undefined while it may. */
  readonly refusal: () => ShardingError | undefined
  readonly onTaken: () => void
}

type State =
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'waiting'
      readonly waiter: PoolWaiter<RawConnection>
      readonly promise: Promise<HeldConnection>
    }
  | { readonly kind: 'connection'; readonly held: HeldConnection }

const NOTHING: State = { kind: 'nothing' }

/** What a lease has of its pool: nothing, a place in the queue, or one connection. */
export class Holding {
  readonly #options: HoldingOptions
  #state: State = NOTHING

  constructor(options: HoldingOptions) {
    this.#options = options
  }

  get held(): HeldConnection | undefined {
    return this.#state.kind === 'connection' ? this.#state.held : undefined
  }

  get isWaiting(): boolean {
    return this.#state.kind === 'waiting'
  }

  /**
   * The connection: at once where it is held or one is free, else a promise, the same for all who ask meanwhile.
   * `onNew` is called if it was not held before.
   */
  take(timeoutMs: number, onNew: () => void): HeldConnection | Promise<HeldConnection> {
    const refusal = this.#options.refusal()
    if (refusal !== undefined) throw refusal
    if (this.#state.kind === 'connection') return this.#state.held
    if (this.#state.kind === 'waiting') return this.#state.promise
    const { tenant, lease, clock, moves } = this.#options
    const { pool, events } = this.#options.source()
    let waiter: PoolWaiter<RawConnection>
    try {
      const free = pool.tryAcquire(tenant)
      if (free !== undefined) return this.#hold(free, onNew)
      waiter = pool.wait(timeoutMs, tenant)
    } catch (error) {
      events.requested(lease)
      events.refused(lease, clock.now(), error)
      if (moves(error)) return this.take(timeoutMs, onNew)
      throw error
    }
    const promise = waiter.promise.then(
      (pooled) => this.#served(pooled, waiter, onNew),
      (error) => {
        this.#state = NOTHING
        events.refused(lease, waiter.since, error)
        const leftMs = waiter.deadline - clock.now()
        if (leftMs > 0 && moves(error)) return this.take(leftMs, onNew)
        throw error
      },
    )
    this.#state = { kind: 'waiting', waiter, promise }
    events.requested(lease)
    return promise
  }

  /** Gives up the place in the queue, if there is one. */
  leaveQueue(reason: () => ShardingError): void {
    if (this.#state.kind === 'waiting') this.#options.source().pool.leave(this.#state.waiter, reason())
  }

  /** Lets go of the connection, which is the caller's to give back. */
  letGo(): HeldConnection | undefined {
    const { held } = this
    if (held !== undefined) this.#state = NOTHING
    return held
  }

  #served(
    pooled: Pooled<RawConnection>,
    { since }: PoolWaiter<RawConnection>,
    onNew: () => void,
  ): HeldConnection {
    const { lease, refusal } = this.#options
    const { pool, events } = this.#options.source()
    const refused = refusal()
    if (refused === undefined) return this.#hold(pooled, onNew, since)
    // The lease ended in the instant between being served and being told.
    this.#state = NOTHING
    pool.release(pooled)
    events.refused(lease, since, refused)
    throw refused
  }

  /** `since` is when it began to wait; undefined if it did not. */
  #hold(pooled: Pooled<RawConnection>, onNew: () => void, since?: number): HeldConnection {
    const { lease, onTaken } = this.#options
    const source = this.#options.source()
    const { events } = source
    const held = new HeldConnection(pooled, source, this.#options)
    this.#state = { kind: 'connection', held }
    onTaken()
    onNew()
    // Last, so that a listener finds the lease with its connection.
    if (since === undefined) events.requested(lease)
    events.checkedOut(lease, since === undefined ? 0 : held.since - since)
    return held
  }
}
