import type { ShardingError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { Canceller } from './canceller.ts'
import type { Engine } from './engine.ts'
import { Lane, type Turn } from './lane.ts'
import { cannotReleaseError, leftQueueError, revokedError } from './lease-errors.ts'
import type { OpenWork } from './open-work.ts'
import type { PoolWaiter } from './pool-waiter.ts'
import type { Pooled } from './pooled.ts'
import type { RawConnection } from './raw-connection.ts'
import type { ShardPool } from './shard-pool.ts'
import { StallWatch } from './stall-watch.ts'
import { Wire } from './wire.ts'

export interface LeaseOptions {
  readonly shard: string
  readonly pool: ShardPool<RawConnection>
  readonly engine: Engine
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly checkoutTimeoutMs: number
  /** For whom a connection is taken, where the scope has a tenant: a pool may limit what one tenant holds. */
  readonly tenant: string | undefined
  /** Leases that hold a connection, this one among them while it does. */
  readonly holders: Set<Lease>
  /** A query after the response took the connection anew. */
  readonly onDetachedCheckout: () => void
}

type Holding =
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'waiting'
      readonly waiter: PoolWaiter<RawConnection>
      readonly promise: Promise<Pooled<RawConnection>>
    }
  | {
      readonly kind: 'connection'
      readonly pooled: Pooled<RawConnection>
      /** The pool has it back already: it was destroyed under the query that nothing could stop. */
      isDestroyed: boolean
    }

type LeaseState =
  /** Keeps its connection between queries. */
  | { readonly kind: 'live' }
  /** After the response: gives the connection back whenever it is idle. */
  | { readonly kind: 'detached' }
  /** Will never have a connection again. */
  | { readonly kind: 'ended'; readonly error: () => ShardingError }

/**
 * One connection for one scope: taken at once or on first use, used in turns, given back once.
 *
 * The invariant: a connection is given back only while nothing of this lease runs on it, and from that moment on no
 * query of this lease can reach it. Every query passes {@link run}, which takes a turn, then the connection.
 */
export class Lease {
  readonly #options: LeaseOptions
  readonly #openWork = new Set<OpenWork>()
  readonly #wire: Wire
  readonly #canceller: Canceller
  readonly #stallWatch: StallWatch
  #holding: Holding = { kind: 'nothing' }
  #state: LeaseState = { kind: 'live' }
  #returnAfterTurn = false
  #isCommitting = false
  /** Where queries outside of transactions take turns. */
  readonly root: Lane

  constructor(options: LeaseOptions) {
    this.#options = options
    const { shard, engine, clock, deadlines, checkoutTimeoutMs } = options
    const idleSince = () => this.#idleSince()
    this.#wire = new Wire(clock)
    this.#canceller = new Canceller({ engine, wire: this.#wire, clock, deadlines })
    this.#stallWatch = new StallWatch({
      clock,
      deadlines,
      afterMs: checkoutTimeoutMs,
      idleSince,
      onStall: () => this.#giveUp(),
    })
    this.root = new Lane({ shard, clock, deadlines, patienceMs: checkoutTimeoutMs, idleSince })
  }

  get engine(): Engine {
    return this.#options.engine
  }

  /** Whether a connection is held right now. */
  get isHeld(): boolean {
    return this.#holding.kind === 'connection'
  }

  /** The connection, if it is held right now. Only for its identity: queries go through {@link run}. */
  get connection(): RawConnection | undefined {
    return this.#holding.kind === 'connection' ? this.#holding.pooled.resource : undefined
  }

  // --- Taking the connection ---------------------------------------------------------------------------------

  /** Takes the connection unless it is held already; a promise only if that takes time. Throws or rejects with 503s. */
  checkout(timeoutMs = this.#options.checkoutTimeoutMs): undefined | Promise<void> {
    const taken = this.#take(timeoutMs)
    // The response may have ended meanwhile: then nobody would come to give it back.
    if (taken instanceof Promise) return taken.then(() => this.#giveBackIfUnused())
    this.#giveBackIfUnused()
    return undefined
  }

  /** Throws if asking for the connection now would be refused at once. */
  assertAvailable(): void {
    if (this.#holding.kind === 'nothing') this.#options.pool.assertAvailable()
  }

  #take(timeoutMs: number): Pooled<RawConnection> | Promise<Pooled<RawConnection>> {
    if (this.#state.kind === 'ended') throw this.#state.error()
    if (this.#holding.kind === 'connection') return this.#holding.pooled
    if (this.#holding.kind === 'waiting') return this.#holding.promise
    const isDetached = this.#state.kind === 'detached'
    const { pool, tenant } = this.#options
    const free = pool.tryAcquire(tenant)
    if (free !== undefined) return this.#hold(free, isDetached)
    const waiter = pool.wait(timeoutMs, tenant)
    const promise = waiter.promise.then(
      (pooled) => this.#served(pooled, isDetached),
      (error) => {
        this.#holding = { kind: 'nothing' }
        throw error
      },
    )
    this.#holding = { kind: 'waiting', waiter, promise }
    return promise
  }

  #served(pooled: Pooled<RawConnection>, isDetached: boolean): Pooled<RawConnection> {
    if (this.#state.kind !== 'ended') return this.#hold(pooled, isDetached)
    // It ended in the instant between being served and being told.
    this.#holding = { kind: 'nothing' }
    this.#options.pool.release(pooled)
    throw this.#state.error()
  }

  #hold(pooled: Pooled<RawConnection>, isDetached: boolean): Pooled<RawConnection> {
    this.#holding = { kind: 'connection', pooled, isDestroyed: false }
    this.#options.holders.add(this)
    this.#wire.touch()
    if (isDetached) this.#options.onDetachedCheckout()
    if (this.#state.kind === 'detached') this.#stallWatch.start()
    return pooled
  }

  // --- Using it ----------------------------------------------------------------------------------------------

  /**
   * Runs one query in its turn. `send` is called with the connection once everybody before has finished, and the
   * turn ends when its promise settles.
   */
  run<T>(lane: Lane, send: (connection: RawConnection) => Promise<T>): Promise<T> {
    const turn: Turn = { holder: 'a query', inner: undefined }
    try {
      if (this.#holding.kind === 'connection' && lane.tryEnter(turn)) {
        return this.#send(lane, turn, this.#holding.pooled.resource, send)
      }
    } catch (error) {
      return Promise.reject(error)
    }
    return this.enter(lane, turn, (connection) => this.#send(lane, turn, connection, send))
  }

  #send<T>(
    lane: Lane,
    turn: Turn,
    connection: RawConnection,
    send: (connection: RawConnection) => Promise<T>,
  ): Promise<T> {
    let result: Promise<T>
    try {
      result = send(connection)
    } catch (error) {
      this.leave(lane, turn)
      return Promise.reject(error)
    }
    this.#wire.begin()
    return result.then(
      (value) => {
        this.#settled()
        this.leave(lane, turn)
        return value
      },
      (error) => {
        this.#settled()
        this.leave(lane, turn)
        throw error
      },
    )
  }

  #settled(): void {
    this.#wire.settle()
    if (this.#state.kind === 'ended' && this.#wire.isQuiet) this.#giveBack()
  }

  /**
   * A turn of its own kind, such as a transaction or a stream. Calls `begin` with the connection in the very instant
   * in which turn and connection are there: a microtask later both might have been taken back. Whoever entered leaves.
   */
  async enter<T>(
    lane: Lane,
    turn: Turn,
    begin: (connection: RawConnection) => T | PromiseLike<T>,
  ): Promise<Awaited<T>> {
    await lane.enter(turn)
    let pooled: Pooled<RawConnection>
    try {
      const taken = this.#take(this.#options.checkoutTimeoutMs)
      pooled = taken instanceof Promise ? await taken : taken
      if (!lane.has(turn)) throw this.#refusal(lane)
    } catch (error) {
      this.leave(lane, turn)
      throw error
    }
    return await begin(pooled.resource)
  }

  /** Ends a turn. The connection goes back before the next turn begins if it is due. */
  leave(lane: Lane, turn: Turn): void {
    if (!lane.has(turn)) return
    const cancelling = this.#canceller.underWay
    if (cancelling !== undefined) {
      void cancelling.then(() => this.leave(lane, turn))
      return
    }
    if (this.#returnAfterTurn && this.#openWork.size === 0) this.#giveBack()
    lane.leave(turn)
    this.#giveBackIfUnused()
  }

  /**
   * The last query of a turn, sent whatever waits inside it: it brings the connection back to where the turn found it.
   * A connection that cannot be brought there is closed under the scope.
   */
  async restore(
    lane: Lane,
    turn: Turn,
    send: (connection: RawConnection) => Promise<unknown>,
  ): Promise<void> {
    // A cancel that is still on its way must not hit it.
    await this.#canceller.underWay
    const held = this.#holding
    // What has ended, or has been given up, is restored by the pool.
    if (held.kind !== 'connection' || !lane.has(turn)) return
    this.#wire.begin()
    try {
      await send(held.pooled.resource)
    } catch {
      this.#destroy(held)
    } finally {
      this.#settled()
    }
  }

  /** Somebody who has the turn used the connection by other ways than {@link run}. */
  touch(): void {
    this.#wire.touch()
  }

  /** The same for a query whose end is known. */
  track(result: Promise<unknown>): void {
    this.#wire.begin()
    const settled = () => this.#settled()
    result.then(settled, settled)
  }

  /** The same for a query that is known to be over when the returned function is called. */
  begin(): () => void {
    this.#wire.begin()
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#settled()
    }
  }

  addOpenWork(work: OpenWork): void {
    this.#openWork.add(work)
  }

  removeOpenWork(work: OpenWork): void {
    if (this.#openWork.delete(work)) this.#giveBackIfUnused()
  }

  /** Gives up what `owner` left open. */
  abandonWork(owner: object, error: ShardingError): void {
    for (const work of [...this.#openWork]) {
      if (work.owner === owner) work.abandon(error)
    }
  }

  #idleSince(): number | undefined {
    return this.#holding.kind === 'waiting' ? undefined : this.#wire.quietSince
  }

  // --- Cancelling --------------------------------------------------------------------------------------------

  /** While a COMMIT is on its way nothing may cancel it: the outcome would be unknown. */
  protectFromCancel(isProtected: boolean): void {
    this.#isCommitting = isProtected
  }

  /** Has the server stop the query that runs now, if one does; settles once it has, or is disconnected. */
  cancelRunning(): Promise<void> {
    const held = this.#holding
    if (held.kind !== 'connection' || this.#wire.isQuiet || this.#isCommitting) return Promise.resolve()
    return this.#canceller.cancel(held.pooled.resource, () => this.#destroy(held))
  }

  /** The same for streams, which are queries that run on: destroys them with `reason`. */
  cancelStreams(reason: Error): void {
    for (const work of [...this.#openWork]) {
      if (work.isStream) work.abandon(reason)
    }
  }

  // --- Giving it back ----------------------------------------------------------------------------------------

  /** Hands the connection back for now; the next query takes one again. Waits for queries that came before. */
  async release(lane: Lane): Promise<void> {
    const turn: Turn = { holder: 'releaseConnection()', inner: undefined }
    if (lane !== this.root || this.root.isEntered)
      throw cannotReleaseError(this.#options.shard, this.root.holder ?? 'a transaction')
    await lane.enter(turn)
    try {
      if (this.#openWork.size > 0) throw cannotReleaseError(this.#options.shard, 'an open stream')
      this.#giveBack()
    } finally {
      this.leave(lane, turn)
    }
  }

  /**
   * After the response: lets a query on the wire, an open transaction and open streams finish as long as they make
   * progress, then gives the connection back. What comes later takes a short lease, or is refused.
   */
  detach(later: 'detach' | 'reject'): void {
    if (this.#state.kind !== 'live') return
    this.#state = { kind: 'detached' }
    if (later === 'reject') this.root.shut(() => revokedError(this.#options.shard))
    this.#returnAfterTurn = !this.root.isFree
    this.#giveBackIfUnused()
    if (this.#holding.kind === 'connection') this.#stallWatch.start()
  }

  /** Ends the lease for good: queued work is refused, open work abandoned; what is on the wire may settle. */
  end(error: () => ShardingError): void {
    if (this.#state.kind === 'ended') return
    this.#state = { kind: 'ended', error }
    this.root.close(error)
    this.#abandonOpenWork(error())
    if (this.#holding.kind === 'waiting') this.#options.pool.leave(this.#holding.waiter, error())
    else if (this.#wire.isQuiet) this.#giveBack()
  }

  /** Gives up waiting for a connection, if that is what the lease does. */
  leaveQueue(): void {
    if (this.#holding.kind !== 'waiting') return
    const { pool, shard } = this.#options
    pool.leave(this.#holding.waiter, leftQueueError(shard))
  }

  #giveBackIfUnused(): void {
    if (this.#state.kind === 'detached' && this.root.isFree && this.#openWork.size === 0) this.#giveBack()
  }

  #giveBack(): void {
    this.#returnAfterTurn = false
    if (this.#holding.kind !== 'connection') return
    const { pooled, isDestroyed } = this.#holding
    this.#holding = { kind: 'nothing' }
    this.#options.holders.delete(this)
    this.#stallWatch.stop()
    if (isDestroyed) return
    const cancelling = this.#canceller.underWay
    // A cancel still on its way to the server must not hit the next lease's query.
    if (cancelling === undefined) this.#options.pool.release(pooled)
    else void cancelling.then(() => this.#options.pool.release(pooled))
  }

  /** Closes the connection under the scope, which keeps what is left of it: nothing may move to another one unseen. */
  #destroy(held: Extract<Holding, { kind: 'connection' }>): void {
    if (held.isDestroyed) return
    held.isDestroyed = true
    this.#options.pool.destroy(held.pooled)
  }

  /** After the response nothing has moved for too long: whoever holds the connection loses it. */
  #giveUp(): void {
    this.#giveBack()
    this.root.evict(() => revokedError(this.#options.shard))
    this.#abandonOpenWork(revokedError(this.#options.shard))
  }

  #abandonOpenWork(error: ShardingError): void {
    for (const work of [...this.#openWork]) work.abandon(error)
    this.#openWork.clear()
  }

  // --- What callers are told ---------------------------------------------------------------------------------

  #refusal(lane: Lane): ShardingError {
    if (this.#state.kind === 'ended') return this.#state.error()
    return lane.refusal ?? revokedError(this.#options.shard)
  }
}
