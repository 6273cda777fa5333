import type { Correlated, Correlation } from '../diagnostics/correlation.ts'
import type { ShardingError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import type { Engine } from './engine.ts'
import type { HeldConnection } from './held-connection.ts'
import { Holding } from './holding.ts'
import { InFlight } from './in-flight.ts'
import { Lane, type Turn } from './lane.ts'
import {
  abortedError,
  cannotReleaseError,
  connectionLostError,
  leftQueueError,
  revokedError,
} from './lease-errors.ts'
import { LeaseReturn } from './lease-return.ts'
import { LeaseRoute } from './lease-route.ts'
import type { LeaseSource, Reroute } from './lease-source.ts'
import type { LeaseSubject } from './lease-subject.ts'
import type { OpenWork } from './open-work.ts'
import { OpenWorkSet } from './open-work-set.ts'
import type { RawConnection } from './raw-connection.ts'
import type { TimeLimit } from './time-limit.ts'

export interface LeaseOptions {
  readonly shard: string
  /** Where it takes its connection from. */
  readonly source: LeaseSource
  /** @default nowhere: there is no other server that has the same */
  readonly reroute?: Reroute | undefined
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly checkoutTimeoutMs: number
  /** For each query, counted from its turn; null for none. */
  readonly queryTimeoutMs: number | null
  /** For whom a connection is taken, where the scope has a tenant: a pool may limit what one tenant holds. */
  readonly tenant: string | undefined
  readonly role: 'writing' | 'reading'
  /** May hold its connection for as long as it likes: it is no leak. */
  readonly isLong?: boolean
  /** Who uses the connection, as reports name it: a route, a job, a function; never a tenant. */
  readonly describe: () => string
  readonly correlated: Correlated
}

/**
 * One connection for one scope: taken at once or on first use, used in turns, given back once.
 *
 * The invariant: a connection is given back only while nothing of this lease runs on it, and from that moment on no
 * query of this lease can reach it. Every query passes {@link run}, which takes a turn, then the connection.
 */
export class Lease implements LeaseSubject {
  readonly #options: LeaseOptions
  readonly #holding: Holding
  readonly #openWork = new OpenWorkSet()
  readonly #inFlight: InFlight
  readonly #route: LeaseRoute
  readonly #return: LeaseReturn
  /** Where queries outside of transactions take turns. */
  readonly root: Lane

  constructor(options: LeaseOptions) {
    this.#options = options
    this.#route = new LeaseRoute(options.source, options.reroute)
    const { shard, tenant, clock, deadlines, checkoutTimeoutMs, queryTimeoutMs } = options
    // Named one by one: each request makes these, and a spread takes ten times as long, four microseconds.
    this.#inFlight = new InFlight({
      shard,
      clock,
      deadlines,
      queryTimeoutMs,
      onSettled: () => this.#return.settled(),
    })
    this.#holding = new Holding({
      lease: this,
      tenant,
      clock,
      deadlines,
      source: () => this.#route.source,
      moves: (error) => this.#moves(error),
      refusal: () => this.#return.refusal,
      onTaken: () => this.#taken(),
    })
    this.root = new Lane({
      shard,
      clock,
      deadlines,
      patienceMs: checkoutTimeoutMs,
      idleMs: () => this.#idleMs(),
    })
    this.#return = new LeaseReturn({
      shard,
      clock,
      deadlines,
      patienceMs: checkoutTimeoutMs,
      route: this.#route,
      holding: this.#holding,
      inFlight: this.#inFlight,
      root: this.root,
      openWork: this.#openWork,
    })
  }

  get engine(): Engine {
    return this.#route.source.engine
  }

  /** Whether a connection is held right now. */
  get isHeld(): boolean {
    return this.#holding.held !== undefined
  }

  /** The connection, if it is held right now. Only for its identity: queries go through {@link run}. */
  get connection(): RawConnection | undefined {
    return this.#holding.held?.connection
  }

  get role(): 'writing' | 'reading' {
    return this.#options.role
  }

  get isLong(): boolean {
    return this.#options.isLong ?? false
  }

  /** Who uses the connection, as reports name it. */
  get description(): string {
    return this.#options.describe()
  }

  get number(): number {
    return this.#route.number
  }

  /** The server that it has, or will take, its connection from: `shard_0`, `shard_0/replica-0`. */
  get endpoint(): string {
    return this.#route.source.id
  }

  /** What its events have in common with those of its scope. */
  get correlation(): Correlation {
    return this.#options.correlated.correlation
  }

  /** `queryTimeoutMs` for a COMMIT, whose outcome would be unknown either way: nothing is asked of the server. */
  get commitLimit(): TimeLimit | undefined {
    return this.#inFlight.commitLimit
  }

  // --- Taking the connection ---------------------------------------------------------------------------------

  /** Takes the connection unless it is held already; a promise only if that takes time. Throws or rejects with 503s. */
  checkout(timeoutMs = this.#options.checkoutTimeoutMs): undefined | Promise<void> {
    const taken = this.#take(timeoutMs)
    // The response may have ended meanwhile: then nobody would come to give it back.
    if (taken instanceof Promise) return taken.then(() => this.#return.ifUnused())
    this.#return.ifUnused()
    return undefined
  }

  /** Throws if asking for the connection now would be refused at once. */
  assertAvailable(): void {
    if (this.isHeld || this.#holding.isWaiting) return
    try {
      this.#route.source.pool.assertAvailable()
    } catch (error) {
      if (!this.#moves(error)) throw error
      this.assertAvailable()
    }
  }

  #moves(error: unknown): boolean {
    return this.#return.refusal === undefined && this.#route.moves(error)
  }

  /** Takes its connection from another server of its shard, once what is open on this one has come to its end. */
  moveTo(source: LeaseSource): void {
    if (this.#route.turn(source)) this.#return.soon()
  }

  #take(timeoutMs: number): HeldConnection | Promise<HeldConnection> {
    const { isDetached } = this.#return
    if (!this.isHeld && !this.#holding.isWaiting) this.#route.proceed()
    return this.#holding.take(timeoutMs, () => {
      if (isDetached) this.#tookDetached()
    })
  }

  /** A query after the response took the connection anew. */
  #tookDetached(): void {
    this.#route.source.pool.counts.detachedCount++
    this.#route.source.events.detached(this)
  }

  #taken(): void {
    this.#route.arrived()
    this.#inFlight.wire.touch()
    this.#return.taken()
  }

  // --- Using it ----------------------------------------------------------------------------------------------

  /**
   * Runs one query in its turn. `send` is called with the connection once everybody before has finished, and the
   * turn ends when its promise settles. The shorter of `limit` and `queryTimeoutMs` holds.
   */
  run<T>(lane: Lane, send: (connection: RawConnection) => Promise<T>, limit?: TimeLimit): Promise<T> {
    const turn: Turn = { holder: 'a query', inner: undefined }
    try {
      const { held } = this.#holding
      const stays = held !== undefined && !this.#route.isTurning
      if (stays && lane.tryEnter(turn)) return this.#send(lane, turn, held, send, limit)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#enter(lane, turn, (held) => this.#send(lane, turn, held, send, limit))
  }

  #send<T>(
    lane: Lane,
    turn: Turn,
    held: HeldConnection,
    send: (connection: RawConnection) => Promise<T>,
    limit: TimeLimit | undefined,
  ): Promise<T> {
    let result: Promise<T>
    try {
      this.#assertUsable(held)
      result = send(held.connection)
    } catch (error) {
      this.leave(lane, turn)
      return Promise.reject(error)
    }
    const watch = this.#inFlight.begin(held, limit)
    return result.then(
      (value) => {
        this.#inFlight.answered(held, watch)
        this.leave(lane, turn)
        return value
      },
      (error) => {
        const told = this.#inFlight.failed(held, watch, error)
        this.leave(lane, turn)
        throw told
      },
    )
  }

  #assertUsable(held: HeldConnection): void {
    if (held.isLost) throw connectionLostError(this.#options.shard, held.connection.__knex__disposed)
  }

  /**
   * A turn of its own kind, such as a transaction or a stream. Calls `begin` with the connection in the very instant
   * in which turn and connection are there: a microtask later both might have been taken back. Whoever entered leaves.
   */
  enter<T>(
    lane: Lane,
    turn: Turn,
    begin: (connection: RawConnection) => T | PromiseLike<T>,
  ): Promise<Awaited<T>> {
    return this.#enter(lane, turn, ({ connection }) => begin(connection))
  }

  async #enter<T>(
    lane: Lane,
    turn: Turn,
    begin: (held: HeldConnection) => T | PromiseLike<T>,
  ): Promise<Awaited<T>> {
    await lane.enter(turn)
    let held: HeldConnection
    try {
      do {
        const taken = this.#take(this.#options.checkoutTimeoutMs)
        held = taken instanceof Promise ? await taken : taken
        if (!lane.has(turn)) throw this.#refusal(lane)
      } while (this.#goesOn(lane))
    } catch (error) {
      this.leave(lane, turn)
      throw error
    }
    return await begin(held)
  }

  /** A connection that was asked for before {@link moveTo} may come after it: whether it was given back, unused. */
  #goesOn(lane: Lane): boolean {
    if (!this.#route.isTurning || lane !== this.root || !this.#return.isUnused) return false
    this.#return.now()
    return true
  }

  /** Ends a turn. The connection goes back before the next turn begins if it is due. */
  leave(lane: Lane, turn: Turn): void {
    if (!lane.has(turn)) return
    const cancelling = this.#holding.held?.cancelling
    if (cancelling !== undefined) {
      void cancelling.then(() => this.leave(lane, turn))
      return
    }
    this.#return.betweenTurns()
    lane.leave(turn)
    this.#return.ifUnused()
  }

  /**
   * The last query of a turn, sent whatever waits inside it: it brings the connection back to where the turn found it.
   * A connection that cannot be brought there is closed under the scope.
   */
  async restore(
    lane: Lane,
    turn: Turn,
    send: (connection: RawConnection) => Promise<unknown>,
    limit?: TimeLimit,
  ): Promise<void> {
    if (!lane.has(turn)) return
    await this.#inFlight.wire.whenQuiet()
    // A cancel that is still on its way must not hit it.
    await this.#holding.held?.cancelling
    const { held } = this.#holding
    // What has ended, or has been given up, is restored by the pool.
    if (held === undefined || !lane.has(turn)) return
    await this.#inFlight.insist(held, send, limit)
  }

  /** A transaction that somebody left open is rolled back for him. */
  countRollback(): void {
    this.#route.source.pool.counts.rollbackCount++
  }

  /** Somebody who has the turn used the connection by other ways than {@link run}. */
  touch(): void {
    this.#inFlight.wire.touch()
  }

  /** The same for a query whose end is known. Returns its result, within the time that a query may take. */
  track<T>(result: Promise<T>): Promise<T> {
    const { held } = this.#holding
    if (held === undefined) return result
    const watch = this.#inFlight.begin(held)
    return result.then(
      (value) => {
        this.#inFlight.answered(held, watch)
        return value
      },
      (error) => {
        throw this.#inFlight.failed(held, watch, error)
      },
    )
  }

  /**
   * The same for a query that is over when the returned function is called. Should it take too long, `onOverdue` is
   * called with the error.
   */
  begin(onOverdue: (error: unknown) => void): () => void {
    const { held } = this.#holding
    if (held === undefined) return () => {}
    const watch = this.#inFlight.begin(held, undefined, onOverdue)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#inFlight.settle(watch)
    }
  }

  /** What a driver's error that passed by {@link run} is to be told as. */
  explain(error: unknown): unknown {
    const { held } = this.#holding
    return held === undefined ? error : this.#inFlight.explain(held, error)
  }

  addOpenWork(work: OpenWork): void {
    this.#openWork.add(work)
  }

  removeOpenWork(work: OpenWork): void {
    if (this.#openWork.delete(work)) this.#return.ifUnused()
  }

  /** Gives up what `owner` left open. */
  abandonWork(owner: object, error: ShardingError): void {
    this.#openWork.abandonOwned(owner, error)
  }

  #idleMs(): number {
    // A connection that is still waited for lies idle under nobody.
    if (this.#holding.isWaiting) this.#inFlight.wire.touch()
    return this.#inFlight.wire.countIdle()
  }

  // --- Cancelling --------------------------------------------------------------------------------------------

  /** While a COMMIT is on its way nothing may cancel it: the outcome would be unknown. */
  protectFromCancel(isProtected: boolean): void {
    this.#inFlight.protectFromCancel(isProtected)
  }

  /** Has the server stop the query that runs now, if one does; settles once it has, or is disconnected. */
  cancelRunning(): Promise<void> {
    const { held } = this.#holding
    return held === undefined ? Promise.resolve() : this.#inFlight.cancel(held)
  }

  /** For whom nobody waits any more: what runs is stopped, what is asked for already never runs. */
  cancelAll(reason: Error): void {
    this.root.turnAway(() => abortedError(this.#options.shard))
    // A stream is a query that runs on.
    this.#openWork.abandonStreams(reason)
    void this.cancelRunning()
  }

  // --- Giving it back ----------------------------------------------------------------------------------------

  /** Hands the connection back for now; the next query takes one again. Waits for queries that came before. */
  async release(lane: Lane): Promise<void> {
    const turn: Turn = { holder: 'releaseConnection()', inner: undefined }
    if (lane !== this.root || this.root.isEntered)
      throw cannotReleaseError(this.#options.shard, this.root.holder ?? 'a transaction')
    await lane.enter(turn)
    try {
      if (!this.#return.isUnused) throw cannotReleaseError(this.#options.shard, 'an open stream or query')
      this.#return.now()
    } finally {
      this.leave(lane, turn)
    }
  }

  /**
   * After the response: lets a query on the wire, an open transaction and open streams finish as long as they make
   * progress, then gives the connection back. What comes later takes a short lease, or is refused.
   */
  detach(later: 'detach' | 'reject'): void {
    this.#return.detach(later)
  }

  /** Ends the lease for good: queued work is refused, open work abandoned; what is on the wire may settle. */
  end(error: () => ShardingError): void {
    this.#return.end(error)
  }

  /** Gives up waiting for a connection, if that is what the lease does. */
  leaveQueue(): void {
    this.#holding.leaveQueue(() => leftQueueError(this.#options.shard))
  }

  // --- What callers are told ---------------------------------------------------------------------------------

  #refusal(lane: Lane): ShardingError {
    return this.#return.refusal ?? lane.refusal ?? revokedError(this.#options.shard)
  }
}
