import type { BreakerConfig } from '../config/resolved-config.ts'
import type { BreakerStateName } from '../diagnostics/breaker-events.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import { isRefusal } from './failure-codes.ts'
import { ProbeSchedule } from './probe-schedule.ts'
import { type Failure, TripRules } from './trip-rules.ts'

export type { BreakerStateName }

/** Says when something began: what becomes of it counts only while the breaker is still in the same state. */
export interface Permit {
  readonly generation: number
}

export interface BreakerChange {
  readonly from: BreakerStateName
  readonly to: BreakerStateName
  /** What failed last, when it opens. */
  readonly cause: unknown
}

export interface CircuitBreakerOptions {
  /** Null never trips; such a breaker can still be isolated by hand. */
  readonly config: BreakerConfig | null
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: () => number
  /** Whether connections are open that may still answer. */
  readonly isConnected: () => boolean
  /** Begins to find out whether the database is back; what comes of it is told under this permit, once. */
  readonly probe: (permit: Permit) => void
  readonly onChange: (change: BreakerChange) => void
}

type State =
  /** Everybody is let in. */
  | { readonly kind: 'closed'; readonly since: number }
  /** Nobody is let in until a probe has been there. */
  | {
      readonly kind: 'open'
      readonly since: number
      readonly cause: unknown
      readonly probe: Deadline
    }
  /** One probe is under way, and nobody else is let in. */
  | { readonly kind: 'half-open'; readonly since: number; readonly cause: unknown }
  /** Nobody is let in until those who hold it have let go; `outage` if it was open before. */
  | {
      readonly kind: 'isolated'
      readonly since: number
      readonly holders: number
      readonly outage: { readonly cause: unknown } | undefined
    }

/** A breaker that opens again within this time goes on with long intervals between probes. */
const RELAPSE_MS = 10_000
/** For so long after somebody was refused the database counts as wanted. */
const WANTED_MS = 30_000
/** When those who were refused may come again, where no probe is planned. */
const ISOLATED_RETRY_MS = 1000

/**
 * Stops asking a database that does not answer, and finds out by itself when it is back.
 *
 * The generation changes with every state: an outcome under an older permit is of the past, and is ignored. Only the
 * one probe has a permit of the generation in which it runs.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  readonly #rules: TripRules | undefined
  readonly #schedule: ProbeSchedule
  #state: State
  #permit: Permit = { generation: 0 }
  /** Trips when the run of failures has lasted too long, whatever is under way by then. */
  #tooLong: Deadline | undefined
  #lastError: unknown
  #wantedAt: number
  #isStopped = false

  constructor(options: CircuitBreakerOptions) {
    const { config, clock, random } = options
    this.#options = options
    this.#rules = config === null ? undefined : new TripRules(config, clock)
    this.#schedule = new ProbeSchedule({ longestMs: config?.probeIntervalMs ?? 1000, random })
    this.#wantedAt = clock.now()
    this.#state = { kind: 'closed', since: Number.NEGATIVE_INFINITY }
  }

  get isClosed(): boolean {
    return this.#state.kind === 'closed'
  }

  get name(): BreakerStateName {
    return this.#state.kind
  }

  /** Since when it is as it is, on the clock; negative infinity when it has never been otherwise. */
  get since(): number {
    return this.#state.since
  }

  /** What failed before it opened, or during the last probe. */
  get cause(): unknown {
    return 'cause' in this.#state ? this.#state.cause : undefined
  }

  /** A permit for what begins now; undefined when it would count for nothing, whatever became of it. */
  admit(): Permit | undefined {
    return this.isClosed && !this.#isStopped ? this.#permit : undefined
  }

  /** Whole seconds until those who are refused now may come again, jittered. Notes that somebody has come. */
  refuse(): number {
    const { clock, random } = this.#options
    const now = clock.now()
    this.want()
    const untilMs = this.#state.kind === 'open' ? this.#state.probe.deadline - now : ISOLATED_RETRY_MS
    return Math.max(1, Math.ceil((untilMs * (1 + random())) / 1000))
  }

  /** Somebody would ask the database if it were up: its probes are, or become, frequent. */
  want(): void {
    const now = this.#options.clock.now()
    const wasWanted = this.#isWanted(now)
    this.#wantedAt = now
    // Nobody has asked for a while, and the probes have become rare.
    if (!wasWanted) this.tryProbe()
  }

  // --- Outcomes ----------------------------------------------------------------------------------------------

  succeeded(permit: Permit | undefined): void {
    if (!this.#isCurrent(permit)) return
    if (this.#state.kind === 'half-open') this.#close()
    else this.#succeeded()
  }

  failed(permit: Permit | undefined, failure: Failure): void {
    if (!this.#isCurrent(permit)) return
    this.#lastError = failure.error
    if (this.#state.kind === 'half-open') this.#open(failure.error)
    else if (this.#rules?.failed(failure, this.#options.isConnected())) this.#open(failure.error)
    else this.#watchRun()
  }

  /** It has ended without a word about the database. */
  ended(permit: Permit | undefined): void {
    if (this.#isCurrent(permit) && this.#state.kind === 'half-open') this.#open(this.#state.cause)
  }

  #isCurrent(permit: Permit | undefined): boolean {
    return permit !== undefined && permit.generation === this.#permit.generation
  }

  // --- States ------------------------------------------------------------------------------------------------

  /** The permit of a probe that begins now, ahead of its time if need be; undefined when one is under way or none is due. */
  tryProbe(): Permit | undefined {
    if (this.#state.kind !== 'open') return undefined
    const { cause, probe } = this.#state
    this.#options.deadlines.delete(probe)
    this.#become({ kind: 'half-open', since: this.#options.clock.now(), cause })
    const permit = this.#permit
    this.#options.probe(permit)
    return permit
  }

  /** The database is known to be back. An isolation stays, and ends in a closed breaker. */
  close(): void {
    if (this.#state.kind === 'isolated') this.#state = { ...this.#state, outage: undefined }
    else if (this.#state.kind !== 'closed') this.#close()
  }

  /** Refuses everybody until the returned function has been called, as often as this has been. */
  isolate(): () => void {
    const state = this.#state
    if (state.kind === 'isolated') {
      this.#state = { ...state, holders: state.holders + 1 }
    } else {
      this.#forgetDeadlines()
      const outage = state.kind === 'closed' ? undefined : { cause: state.cause }
      this.#become({ kind: 'isolated', since: this.#options.clock.now(), holders: 1, outage })
    }
    let isReleased = false
    return () => {
      if (isReleased) return
      isReleased = true
      this.#letGo()
    }
  }

  /** Takes no notice of anything any more, and leaves no timer behind. */
  stop(): void {
    this.#isStopped = true
    this.#permit = { generation: this.#permit.generation + 1 }
    this.#forgetDeadlines()
  }

  #letGo(): void {
    if (this.#state.kind !== 'isolated') return
    const { holders, outage } = this.#state
    if (holders > 1) this.#state = { ...this.#state, holders: holders - 1 }
    else if (outage === undefined) this.#close()
    else this.#open(outage.cause)
  }

  #close(): void {
    this.#forgetDeadlines()
    this.#rules?.reset()
    this.#become({ kind: 'closed', since: this.#options.clock.now() })
  }

  #open(cause: unknown): void {
    const { clock, deadlines } = this.#options
    const now = clock.now()
    const { kind, since } = this.#state
    this.#forgetDeadlines()
    if (kind === 'closed' && now - since > RELAPSE_MS) this.#schedule.reset()
    const pause = this.#schedule.next({
      tookMs: kind === 'half-open' ? now - since : 0,
      isRefused: isRefusal(cause),
      isWanted: this.#isWanted(now),
    })
    const probe = { deadline: now + pause, expire: () => void this.tryProbe() }
    deadlines.add(probe)
    this.#become({ kind: 'open', since: now, cause, probe }, cause)
  }

  #become(state: State, cause?: unknown): void {
    const from = this.#state.kind
    this.#state = state
    this.#permit = { generation: this.#permit.generation + 1 }
    this.#options.onChange({ from, to: state.kind, cause })
  }

  #isWanted(now: number): boolean {
    return now - this.#wantedAt < WANTED_MS
  }

  // --- A run of failures while closed ------------------------------------------------------------------------

  #succeeded(): void {
    this.#rules?.succeeded()
    if (this.#tooLong !== undefined) this.#forgetRun()
  }

  #watchRun(): void {
    const dueAt = this.#rules?.dueAt
    if (dueAt === undefined || dueAt <= this.#options.clock.now() || dueAt === this.#tooLong?.deadline) return
    this.#forgetRun()
    this.#tooLong = { deadline: dueAt, expire: (afterStall) => this.#runIsLong(afterStall) }
    this.#options.deadlines.add(this.#tooLong)
  }

  #runIsLong(afterStall: boolean): void {
    this.#tooLong = undefined
    if (afterStall) {
      // Nothing could succeed meanwhile.
      this.#rules?.postpone()
      this.#watchRun()
    } else if (this.#rules?.isTooLong) {
      this.#open(this.#lastError)
    }
  }

  #forgetRun(): void {
    if (this.#tooLong !== undefined) this.#options.deadlines.delete(this.#tooLong)
    this.#tooLong = undefined
  }

  #forgetDeadlines(): void {
    this.#forgetRun()
    if (this.#state.kind === 'open') this.#options.deadlines.delete(this.#state.probe)
  }
}
