import type { PoolConfig } from '../config/resolved-config.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
import { runInRootContext } from '../util/root-context.ts'
import { connectTimeoutError } from './connect-timeout-error.ts'
import type { ResourceDriver } from './resource-driver.ts'

export interface ConnectorOptions<R> {
  readonly driver: ResourceDriver<R>
  readonly limits: PoolConfig
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: () => number
  readonly onOpened: (resource: R) => void
  /** An attempt that had been given up has succeeded: the resource is to be closed. */
  readonly onLate: (resource: R) => void
  readonly onFailed: (error: unknown) => void
  readonly onLost: (resource: R) => void
  /** An attempt has ended without a resource, and no other one is begun for it at once. */
  readonly onEnded: () => void
  /** A pause after failures is over: more may be asked for again. */
  readonly onReady: () => void
}

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000

export interface ConnectFailure {
  readonly error: unknown
  readonly at: number
}

/**
 * Opens resources in the background: callers wait for the pool, never for one attempt.
 *
 * At most `connectConcurrency` attempts run at once. After a failure comes a pause, with decorrelated jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that a database that is down
 * is not stormed, and one attempt at a time until one succeeds; after each that does there may be twice as many.
 */
export class Connector<R> {
  readonly #options: ConnectorOptions<R>
  readonly #attempts = new Set<Attempt>()
  #pauseMs = 0
  #pause: Deadline | undefined
  /** Attempts that may be under way at once. */
  #atOnce: number
  #lastFailure: ConnectFailure | undefined

  constructor(options: ConnectorOptions<R>) {
    this.#options = options
    this.#atOnce = options.limits.connectConcurrency
  }

  /** Attempts under way. */
  get pending(): number {
    return this.#attempts.size
  }

  /** The last attempt that failed, however long ago. */
  get lastFailure(): ConnectFailure | undefined {
    return this.#lastFailure
  }

  /** Whether an attempt has failed a moment ago, so that none is begun now. */
  get isResting(): boolean {
    return this.#pause !== undefined
  }

  /** Starts as many of the `wanted` further attempts as are allowed now, and `mayStart` says yes to. */
  open(wanted: number, mayStart: () => boolean): void {
    if (this.#pause !== undefined) return
    const free = this.#atOnce - this.pending
    for (let left = Math.min(wanted, free); left > 0 && mayStart(); left--) this.#start()
  }

  /** Gives up what is under way, which is no failure. */
  abandon(reason: Error): void {
    for (const attempt of [...this.#attempts]) {
      this.#giveUp(attempt, reason)
      this.#options.onEnded()
    }
  }

  /** Begins again as after a failure, without a pause. */
  restart(): void {
    this.#endPause()
    this.#pauseMs = 0
    this.#atOnce = 1
  }

  /** Gives up for good. */
  stop(): void {
    this.#endPause()
    this.abandon(new Error('the pool is closing'))
  }

  #start(): void {
    const { driver, limits, clock, deadlines } = this.#options
    let isProlonged = false
    const attempt: Attempt = {
      controller: new AbortController(),
      deadline: clock.now() + limits.connectTimeoutMs,
      expire: (afterStall) => {
        if (!afterStall || isProlonged) {
          this.#fail(attempt, connectTimeoutError(limits.connectTimeoutMs))
          return
        }
        // It was this process that did not go on: the server gets its time once more.
        isProlonged = true
        attempt.deadline = clock.now() + limits.connectTimeoutMs
        deadlines.add(attempt)
      },
    }
    this.#attempts.add(attempt)
    deadlines.add(attempt)
    runInRootContext(() => driver.open(attempt.controller.signal, this.#options.onLost)).then(
      (resource) => this.#succeed(attempt, resource),
      (error) => this.#fail(attempt, error),
    )
  }

  #succeed(attempt: Attempt, resource: R): void {
    if (!this.#end(attempt)) {
      this.#options.onLate(resource)
      return
    }
    this.#pauseMs = 0
    this.#atOnce = Math.min(this.#atOnce * 2, this.#options.limits.connectConcurrency)
    this.#options.onOpened(resource)
  }

  #fail(attempt: Attempt, error: unknown): void {
    if (!this.#giveUp(attempt, error)) return
    this.#lastFailure = { error, at: this.#options.clock.now() }
    this.#atOnce = 1
    // Attempts that were under way at once fail together: that is one failure.
    if (this.#pause === undefined) this.#rest()
    this.#options.onEnded()
    this.#options.onFailed(error)
  }

  #rest(): void {
    const { deadlines, clock, random, onReady } = this.#options
    const most = Math.max(FIRST_PAUSE_MS, this.#pauseMs * 3)
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS + random() * (most - FIRST_PAUSE_MS))
    this.#pause = {
      deadline: clock.now() + this.#pauseMs,
      expire: () => {
        this.#pause = undefined
        onReady()
      },
    }
    deadlines.add(this.#pause)
  }

  #endPause(): void {
    if (this.#pause !== undefined) this.#options.deadlines.delete(this.#pause)
    this.#pause = undefined
  }

  #giveUp(attempt: Attempt, reason: unknown): boolean {
    if (!this.#end(attempt)) return false
    attempt.controller.abort(reason)
    return true
  }

  /** Whether the attempt was still under way: whatever comes of it later is nobody's. */
  #end(attempt: Attempt): boolean {
    this.#options.deadlines.delete(attempt)
    return this.#attempts.delete(attempt)
  }
}

interface Attempt extends Deadline {
  deadline: number
  readonly controller: AbortController
}
