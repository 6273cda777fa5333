import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import { type Linked, LinkedList } from '../util/linked-list.ts'
import type { LeaseSubject } from './lease-subject.ts'

/** A lease that holds, or held, its connection for longer than it should. */
export interface LongHeld<L = LeaseSubject> {
  readonly lease: L
  readonly heldMs: number
  /** Where the connection was taken, if that was recorded. */
  readonly stack: string | undefined
}

export interface LeaseHoldersOptions<L = LeaseSubject> {
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** From when on a connection counts as leaked; null for never. */
  readonly leakThresholdMs: number | null
  readonly onLeaked: (leaked: LongHeld<L>) => void
  /** One that had been reported as leaked has come back. */
  readonly onRecovered: (recovered: LongHeld<L>) => void
}

/** A lease among those that hold a connection. */
export interface Hold<L = LeaseSubject> extends Linked<Hold<L>> {
  readonly lease: L
  readonly since: number
  readonly place: Error | undefined
  isReported: boolean
}

/** To record where a connection was taken costs a microsecond or two: one in so many, and all once there was a leak. */
const SAMPLED = 100

/** The leases of one endpoint that hold a connection, in the order in which they took it. */
export class LeaseHolders<L extends Pick<LeaseSubject, 'isLong'>> {
  readonly #options: LeaseHoldersOptions<L>
  readonly #holds = new LinkedList<Hold<L>>()
  #takenCount = 0
  #hasLeaked = false
  #check: Deadline | undefined

  constructor(options: LeaseHoldersOptions<L>) {
    this.#options = options
  }

  /** Who they are, and since when. */
  [Symbol.iterator](): Iterator<{ readonly lease: L; readonly since: number }> {
    return this.#holds[Symbol.iterator]()
  }

  /** `since` is the time at which the connection was taken. */
  add(lease: L, since: number): Hold<L> {
    const hold: Hold<L> = {
      lease,
      since,
      place: this.#samplePlace(),
      isReported: false,
      list: undefined,
      previous: undefined,
      next: undefined,
    }
    this.#holds.add(hold)
    if (this.#check === undefined) this.#checkAt(since)
    return hold
  }

  delete(hold: Hold<L>): void {
    if (this.#holds.delete(hold) && hold.isReported) this.#options.onRecovered(this.#longHeld(hold))
  }

  #samplePlace(): Error | undefined {
    if (this.#options.leakThresholdMs === null) return undefined
    const isSampled = this.#hasLeaked || this.#takenCount++ % SAMPLED === 0
    return isSampled ? new Error('the connection was taken') : undefined
  }

  /** One deadline for all: the oldest that has not been reported comes first. */
  #checkAt(since: number): void {
    const { leakThresholdMs, deadlines } = this.#options
    if (leakThresholdMs === null) return
    this.#check = { deadline: since + leakThresholdMs, expire: () => this.#reportLeaked(leakThresholdMs) }
    deadlines.add(this.#check)
  }

  #reportLeaked(thresholdMs: number): void {
    this.#check = undefined
    const now = this.#options.clock.now()
    for (const hold of this.#holds) {
      if (hold.isReported || hold.lease.isLong) continue
      if (now - hold.since < thresholdMs) {
        this.#checkAt(hold.since)
        return
      }
      hold.isReported = this.#hasLeaked = true
      this.#options.onLeaked(this.#longHeld(hold))
    }
  }

  #longHeld({ lease, since, place }: Hold<L>): LongHeld<L> {
    return { lease, heldMs: Math.round(this.#options.clock.now() - since), stack: place?.stack }
  }
}
