import type { ShardingError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import type { Holding } from './holding.ts'
import type { InFlight } from './in-flight.ts'
import type { Lane } from './lane.ts'
import { revokedError } from './lease-errors.ts'
import type { LeaseRoute } from './lease-route.ts'
import type { OpenWorkSet } from './open-work-set.ts'
import { StallWatch } from './stall-watch.ts'

export interface LeaseReturnOptions {
  readonly shard: string
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** How long after the response nothing may move. */
  readonly patienceMs: number
  readonly route: LeaseRoute
  readonly holding: Holding
  readonly inFlight: InFlight
  /** The outermost lane. */
  readonly root: Lane
  readonly openWork: OpenWorkSet
}

type State =
  /** Keeps its connection between queries. */
  | { readonly kind: 'live' }
  /** After the response: gives the connection back whenever it is idle. */
  | { readonly kind: 'detached' }
  /** Will never have a connection again. */
  | { readonly kind: 'ended'; readonly error: () => ShardingError }

const LIVE: State = { kind: 'live' }
const DETACHED: State = { kind: 'detached' }

/** When a lease gives its connection back. It does so only while nothing of it runs there. */
export class LeaseReturn {
  readonly #options: LeaseReturnOptions
  #state: State = LIVE
  /** As soon as the turn that has it now ends. */
  #isDue = false
  /** Made when a connection is still held after the response: hardly ever. */
  #stallWatch: StallWatch | undefined

  constructor(options: LeaseReturnOptions) {
    this.#options = options
  }

  /** Why the lease has come to its end; undefined before. */
  get refusal(): ShardingError | undefined {
    return this.#state.kind === 'ended' ? this.#state.error() : undefined
  }

  get isDetached(): boolean {
    return this.#state.kind === 'detached'
  }

  /** A turn may end before what was sent in it: nobody has to await a query of a raw connection. */
  get isUnused(): boolean {
    const { openWork, inFlight } = this.#options
    return openWork.isEmpty && inFlight.wire.isQuiet
  }

  /** After the response: gives the connection back as soon as nothing uses it. */
  detach(later: 'detach' | 'reject'): void {
    if (this.#state.kind !== 'live') return
    this.#state = DETACHED
    const { root, shard } = this.#options
    if (later === 'reject') root.shut(() => revokedError(shard))
    this.#isDue = !root.isFree
    this.ifUnused()
    this.taken()
  }

  /** For good: queued work is refused, open work abandoned; what is on the wire may settle. */
  end(error: () => ShardingError): void {
    if (this.#state.kind === 'ended') return
    this.#state = { kind: 'ended', error }
    const { root, openWork, holding, inFlight } = this.#options
    root.close(error)
    openWork.abandonAll(error())
    if (holding.isWaiting) holding.leaveQueue(error)
    else if (inFlight.wire.isQuiet) this.now()
  }

  /** A connection is held. */
  taken(): void {
    if (this.#state.kind === 'detached' && this.#options.holding.held !== undefined) this.#watchForStalls()
  }

  /** Something on the wire has settled. */
  settled(): void {
    if (this.#state.kind !== 'ended') this.ifUnused()
    else if (this.#options.inFlight.wire.isQuiet) this.now()
  }

  /** A turn is about to end, and the next to begin. */
  betweenTurns(): void {
    if (this.#isDue && this.isUnused) this.now()
  }

  /** Gives it back if nothing can ask for it but what comes after the response. */
  ifUnused(): void {
    if (this.#state.kind === 'detached' && this.#options.root.isFree && this.isUnused) this.now()
  }

  /** Gives it back at once if nobody uses it, else once his turn is over. */
  soon(): void {
    const { root, holding } = this.#options
    if (root.isFree && this.isUnused && !holding.isWaiting) this.now()
    else this.#isDue = true
  }

  /** Only while nothing of the lease runs on it. */
  now(): void {
    this.#isDue = false
    const { holding, route } = this.#options
    const held = holding.letGo()
    if (held !== undefined) {
      this.#stallWatch?.stop()
      held.giveBack()
    }
    // What is waited for comes from where it was asked for.
    if (!holding.isWaiting) route.proceed()
  }

  #watchForStalls(): void {
    const { clock, deadlines, patienceMs, holding, inFlight } = this.#options
    this.#stallWatch ??= new StallWatch({
      clock,
      deadlines,
      afterMs: patienceMs,
      idleSince: () => (holding.isWaiting ? undefined : inFlight.wire.quietSince),
      onStall: () => this.#giveUp(),
    })
    this.#stallWatch.start()
  }

  /** After the response nothing has moved for too long: whoever holds the connection loses it. */
  #giveUp(): void {
    this.now()
    const { root, openWork, shard } = this.#options
    const error = () => revokedError(shard)
    root.evict(error)
    openWork.abandonAll(error())
  }
}
