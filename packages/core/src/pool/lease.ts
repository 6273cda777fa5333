import { CheckoutAbortedError, LeaseBlockedError, LeaseRevokedError, type ShardingError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import type { Engine } from './engine.ts'
import { Lane, type Turn } from './lane.ts'
import type { Pooled } from './pooled.ts'
import type { RawConnection } from './raw-connection.ts'
import type { ShardPool } from './shard-pool.ts'
import type { Waiter } from './waiter.ts'

export interface LeaseOptions {
  readonly shard: string
  readonly pool: ShardPool<RawConnection>
  readonly engine: Engine
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly checkoutTimeoutMs: number
  /** A query after the response took the connection anew. */
  readonly onDetachedCheckout: () => void
}

type Holding =
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'waiting'
      readonly waiter: Waiter<Pooled<RawConnection>>
      readonly promise: Promise<Pooled<RawConnection>>
    }
  | {
      readonly kind: 'connection'
      readonly pooled: Pooled<RawConnection>
      /** In doubt about the connection: destroy it instead of giving it back. */
      doubtful: boolean
    }

type LeaseState =
  /** Keeps its connection between queries. */
  | { readonly kind: 'live' }
  /** After the response: gives the connection back whenever it is idle. */
  | { readonly kind: 'detached' }
  /** Will never have a connection again. */
  | { readonly kind: 'ended'; readonly error: () => ShardingError }

/** Something that is open on the connection between queries: a cursor, a transaction. */
export interface OpenWork {
  /** The scope in which it was opened. */
  readonly owner: object
  abandon(error: ShardingError): void
}

const CANCEL_PAUSES_MS = [50, 100, 200, 400]

/**
 * One connection for one scope: taken at once or on first use, used in turns, given back once.
 *
 * The invariant: a connection is given back only while nothing of this lease runs on it, and from that moment on no
 * query of this lease can reach it. Every query passes {@link run}, which takes a turn, then the connection.
 */
export class Lease {
  readonly #options: LeaseOptions
  readonly #openWork = new Set<OpenWork>()
  /** Queries on the wire. More than one only for an instant, while a turn passes on. */
  #inFlight = 0
  #lastActivity = 0
  #holding: Holding = { kind: 'nothing' }
  #state: LeaseState = { kind: 'live' }
  #returnAfterTurn = false
  #stallCheck: Deadline | undefined
  #cancelling: Promise<void> | undefined
  #committing = false
  #whenSettled: (() => void) | undefined
  /** Where queries outside of transactions take turns. */
  readonly root: Lane

  constructor(options: LeaseOptions) {
    this.#options = options
    this.root = new Lane({
      shard: options.shard,
      clock: options.clock,
      deadlines: options.deadlines,
      patienceMs: options.checkoutTimeoutMs,
      idleSince: () => this.#idleSince(),
    })
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
    const pooled = this.#take(timeoutMs)
    return pooled instanceof Promise ? pooled.then(() => {}) : undefined
  }

  /** Throws if asking for the connection now would be refused at once. */
  assertAvailable(): void {
    if (this.#holding.kind === 'nothing') this.#options.pool.assertAvailable()
  }

  #take(timeoutMs: number): Pooled<RawConnection> | Promise<Pooled<RawConnection>> {
    if (this.#holding.kind === 'connection') return this.#holding.pooled
    if (this.#holding.kind === 'waiting') return this.#holding.promise
    if (this.#state.kind === 'ended') throw this.#state.error()
    if (this.#state.kind === 'detached') this.#options.onDetachedCheckout()
    const free = this.#options.pool.tryAcquire()
    if (free !== undefined) return this.#hold(free)
    const waiter = this.#options.pool.wait(timeoutMs)
    const promise = waiter.promise.then(
      (pooled) => this.#served(pooled),
      (error) => {
        this.#holding = { kind: 'nothing' }
        throw error
      },
    )
    this.#holding = { kind: 'waiting', waiter, promise }
    return promise
  }

  #served(pooled: Pooled<RawConnection>): Pooled<RawConnection> {
    if (this.#state.kind !== 'ended') return this.#hold(pooled)
    // It ended in the instant between being served and being told.
    this.#holding = { kind: 'nothing' }
    this.#options.pool.release(pooled)
    throw this.#state.error()
  }

  #hold(pooled: Pooled<RawConnection>): Pooled<RawConnection> {
    this.#holding = { kind: 'connection', pooled, doubtful: false }
    this.#lastActivity = this.#options.clock.now()
    if (this.#state.kind === 'detached') this.#watchForStall()
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
    return this.enter(lane, turn).then((connection) => this.#send(lane, turn, connection, send))
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
    this.#inFlight++
    return result.then(
      (value) => {
        this.#settled(lane, turn)
        return value
      },
      (error) => {
        this.#settled(lane, turn)
        throw error
      },
    )
  }

  #settled(lane: Lane, turn: Turn): void {
    this.#inFlight--
    this.#lastActivity = this.#options.clock.now()
    this.#whenSettled?.()
    if (this.#state.kind === 'ended') this.#giveBack()
    // The next query on this connection must not be hit by a cancel that is still on its way to the server.
    else if (this.#cancelling !== undefined) void this.#cancelling.then(() => this.leave(lane, turn))
    else this.leave(lane, turn)
  }

  /** Ends a turn. The connection goes back before the next turn begins if it is due. */
  leave(lane: Lane, turn: Turn): void {
    if (lane === this.root && this.#returnAfterTurn && this.#openWork.size === 0) this.#giveBack()
    lane.leave(turn)
    this.#giveBackIfUnused()
  }

  /** A turn of its own kind, such as a transaction or a stream; with the connection. */
  async enter(lane: Lane, turn: Turn): Promise<RawConnection> {
    await lane.enter(turn)
    try {
      return (await this.#take(this.#options.checkoutTimeoutMs)).resource
    } catch (error) {
      this.leave(lane, turn)
      throw error
    }
  }

  /** Somebody who has the turn used the connection by other ways than {@link run}. */
  touch(): void {
    this.#lastActivity = this.#options.clock.now()
  }

  /** The same for a query whose end is known. */
  track(result: Promise<unknown>): void {
    this.#inFlight++
    const settled = () => {
      this.#inFlight--
      this.touch()
      this.#whenSettled?.()
      if (this.#state.kind === 'ended') this.#giveBack()
    }
    result.then(settled, settled)
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
    return this.#inFlight > 0 || this.#holding.kind === 'waiting' ? undefined : this.#lastActivity
  }

  // --- Cancelling --------------------------------------------------------------------------------------------

  /** While a COMMIT is on its way nothing may cancel it: the outcome would be unknown. */
  protectFromCancel(isProtected: boolean): void {
    this.#committing = isProtected
  }

  /**
   * Has the server stop the query that runs now, if one does, and settles once it has stopped. A request to cancel
   * can overtake its query and is then lost, so it is repeated; when nothing helps the connection is destroyed.
   */
  cancelRunning(): Promise<void> {
    if (this.#inFlight === 0 || this.#committing || this.#holding.kind !== 'connection')
      return Promise.resolve()
    this.#cancelling ??= this.#cancelUntilSettled(this.#holding).finally(() => {
      this.#cancelling = undefined
    })
    return this.#cancelling
  }

  async #cancelUntilSettled(held: Extract<Holding, { kind: 'connection' }>): Promise<void> {
    const { engine } = this.#options
    const connection = held.pooled.resource
    let settled = false
    const settling = new Promise<void>((resolve) => {
      this.#whenSettled = () => {
        settled = true
        this.#whenSettled = undefined
        resolve()
      }
    })
    for (const pauseMs of CANCEL_PAUSES_MS) {
      await engine.cancel(connection).catch(() => {})
      if (!settled) await Promise.race([settling, this.#pause(pauseMs)])
      if (settled) return
    }
    held.doubtful = true
    await engine.close(connection)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((expire) => {
      this.#options.deadlines.add({ deadline: this.#options.clock.now() + ms, expire })
    })
  }

  // --- Giving it back ----------------------------------------------------------------------------------------

  /** Hands the connection back for now; the next query takes one again. Waits for queries that came before. */
  async release(lane: Lane): Promise<void> {
    const turn: Turn = { holder: 'releaseConnection()', inner: undefined }
    if (lane !== this.root) throw this.#blockedError(this.root.holder ?? 'a transaction')
    await lane.enter(turn)
    try {
      if (this.#openWork.size > 0) throw this.#blockedError('an open stream')
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
    if (later === 'reject') this.root.shut(() => this.#revokedError())
    this.#returnAfterTurn = !this.root.isFree
    this.#giveBackIfUnused()
    if (this.#holding.kind === 'connection') this.#watchForStall()
  }

  /** Ends the lease for good: queued work is refused, open work abandoned; what is on the wire may settle. */
  end(error: () => ShardingError): void {
    if (this.#state.kind === 'ended') return
    this.#state = { kind: 'ended', error }
    this.root.close(error)
    this.#abandonOpenWork(error())
    if (this.#holding.kind === 'waiting') this.leaveQueue()
    else if (this.#inFlight === 0) this.#giveBack()
  }

  /** Gives up waiting for a connection, if that is what the lease does. */
  leaveQueue(): void {
    if (this.#holding.kind !== 'waiting') return
    const { pool, shard } = this.#options
    const reason = `Nobody waits for this connection to shard "${shard}" any more.`
    pool.leave(this.#holding.waiter, new CheckoutAbortedError(reason, { shard }))
  }

  #giveBackIfUnused(): void {
    if (this.#state.kind === 'detached' && this.root.isFree && this.#openWork.size === 0) this.#giveBack()
  }

  #giveBack(): void {
    this.#returnAfterTurn = false
    if (this.#holding.kind !== 'connection') return
    const held = this.#holding
    const { pool, deadlines } = this.#options
    this.#holding = { kind: 'nothing' }
    if (this.#stallCheck !== undefined) deadlines.delete(this.#stallCheck)
    const hand = () => (held.doubtful ? pool.destroy(held.pooled) : pool.release(held.pooled))
    // A cancel still on its way to the server must not hit the next lease's query.
    if (this.#cancelling === undefined) hand()
    else void this.#cancelling.then(hand)
  }

  /** After the response: work that has not moved for `checkoutTimeoutMs` is given up. */
  #watchForStall(): void {
    const { clock, deadlines, checkoutTimeoutMs } = this.#options
    const deadline = (this.#idleSince() ?? clock.now()) + checkoutTimeoutMs
    if (deadline > clock.now()) {
      this.#stallCheck = { deadline, expire: () => this.#watchForStall() }
      deadlines.add(this.#stallCheck)
      return
    }
    this.#abandonOpenWork(this.#revokedError())
    this.#giveBack()
    this.root.evict(() => this.#revokedError())
  }

  #abandonOpenWork(error: ShardingError): void {
    for (const work of [...this.#openWork]) work.abandon(error)
    this.#openWork.clear()
  }

  // --- What callers are told ---------------------------------------------------------------------------------

  #revokedError(): LeaseRevokedError {
    const { shard } = this.#options
    return new LeaseRevokedError(
      `The response has been sent and the connection to shard "${shard}" was taken back. Finish the queries before ` +
        'answering, or run them in a scope of their own with connectedTo().',
      { shard },
    )
  }

  #blockedError(holder: string): LeaseBlockedError {
    const { shard } = this.#options
    return new LeaseBlockedError(
      `The connection to shard "${shard}" cannot be handed back: it is kept by ${holder}. End that first.`,
      { shard },
    )
  }
}
