import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import { within } from '../util/within.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import type { Replica } from './replica.ts'

export interface LagWatchOptions {
  readonly replicas: readonly Replica[]
  readonly openPrimary: () => EndpointPool
  readonly maxLagMs: number
  readonly clock: Clock
  readonly deadlines: Deadlines
}

/** A limit is looked at so many times before it is over, so that one answer may be late. */
const LOOKS = 5
const SHORTEST_INTERVAL_MS = 20
const LONGEST_INTERVAL_MS = 1000
/** For so long after the last read it goes on. */
const REST_AFTER_MS = 30_000

/** What the primary had written at a moment. */
interface Sample {
  readonly at: number
  readonly position: bigint
}

/**
 * Finds out how far replicas are behind their primary, as long as somebody reads: the primary is asked for its position
 * in the log, then each replica for its own. A replica that has replayed what the primary had written at a moment has all
 * that was committed before it, whatever its clock says, whether the primary writes or not, and whoever has been cut off
 * from whom. Only where the primary cannot be asked in time does the replica's own word count.
 *
 * What is not found out is not made up: knowledge ages, and a replica of which too little is known is left out.
 */
export class LagWatch {
  readonly #options: LagWatchOptions
  readonly #intervalMs: number
  /** The oldest first. */
  #samples: readonly Sample[] = []
  /** Those that have not answered yet. */
  readonly #asked = new Set<Replica | 'primary'>()
  #usedAt = Number.NEGATIVE_INFINITY
  #round: Deadline | undefined
  #isStopped = false

  constructor(options: LagWatchOptions) {
    this.#options = options
    const interval = Math.round(options.maxLagMs / LOOKS)
    this.#intervalMs = Math.min(LONGEST_INTERVAL_MS, Math.max(SHORTEST_INTERVAL_MS, interval))
  }

  /** Somebody reads. */
  noteUse(now: number): void {
    this.#usedAt = now
    if (this.#round === undefined && !this.#isStopped) this.#begin(now)
  }

  stop(): void {
    this.#isStopped = true
    if (this.#round !== undefined) this.#options.deadlines.delete(this.#round)
  }

  #begin(at: number): void {
    this.#round = { deadline: at, expire: () => void this.#look() }
    this.#options.deadlines.add(this.#round)
  }

  async #look(): Promise<void> {
    const { replicas, clock } = this.#options
    const startedAt = clock.now()
    if (startedAt - this.#usedAt > REST_AFTER_MS) {
      this.#round = undefined
      this.#samples = []
      for (const replica of replicas) replica.forget()
      return
    }
    const isKnown = await this.#askPrimary()
    for (const replica of replicas) void this.#ask(replica, isKnown)
    if (!this.#isStopped) this.#begin(startedAt + this.#intervalMs)
  }

  /** Whether it has said in time how far it is. */
  async #askPrimary(): Promise<boolean> {
    const { openPrimary, clock, maxLagMs } = this.#options
    if (this.#asked.has('primary')) return false
    const at = clock.now()
    this.#asked.add('primary')
    const asking = (async () => {
      const position = await openPrimary().ask((engine, connection) => engine.position?.(connection))
      if (position === undefined) return false
      const isRecent = (sample: Sample) => at - sample.at <= maxLagMs
      this.#samples = [...this.#samples.filter(isRecent), { at, position }]
      return true
    })().finally(() => this.#asked.delete('primary'))
    return await within(this.#intervalMs, asking).catch(() => false)
  }

  async #ask(replica: Replica, isPrimaryKnown: boolean): Promise<void> {
    const { clock } = this.#options
    if (this.#asked.has(replica)) return
    const askedAt = clock.now()
    // It would be left out before the next look.
    const isUrgent = replica.freshUntil < askedAt + 2 * this.#intervalMs
    this.#asked.add(replica)
    try {
      const found = await replica.open().ask((engine, connection) => engine.progress?.(connection), isUrgent)
      const { position: replayed, lagMs: ownWord } = found ?? {}
      const sample = this.#samples.findLast(({ position }) => replayed !== undefined && position <= replayed)
      if (sample !== undefined) replica.refresh(sample.at)
      const isComparable = isPrimaryKnown && replayed !== undefined
      if (!isComparable && ownWord !== undefined) replica.refresh(askedAt - ownWord)
    } catch {
      // Its circuit breaker knows more.
    } finally {
      this.#asked.delete(replica)
      replica.foundNothing()
      replica.serves(clock.now())
    }
  }
}
