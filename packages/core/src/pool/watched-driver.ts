import type { CircuitBreaker, Permit } from '../breaker/circuit-breaker.ts'
import { codeOf, isRefusal, verdictOn } from '../breaker/failure-codes.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { openHedged } from './hedged-open.ts'
import type { ResourceDriver } from './resource-driver.ts'

export interface WatchedDriverOptions<R> {
  readonly driver: ResourceDriver<R>
  readonly breaker: CircuitBreaker
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** How long an attempt to open may say nothing before another is made beside it; null where there is no network. */
  readonly hedgeAfterMs: number | null
  /** Why a resource was lost. */
  readonly lossOf: (resource: R) => unknown
}

interface Watched {
  /** Of the time at which it was lent last: what becomes of it belongs there. */
  permit: Permit | undefined
  isResting: boolean
}

/** At most so often a server that refuses the credentials is asked again: it may count, and lock the account. */
const REFUSAL_MS = 1000

/**
 * A driver that tells a circuit breaker how its server is doing. Of everything that happens in a pool these say
 * something about the server: attempts to connect, resets and pings that are answered, connections that break in
 * use. An error in answer to a statement is an answer; what somebody gives up says nothing.
 */
export class WatchedDriver<R> implements ResourceDriver<R> {
  readonly #options: WatchedDriverOptions<R>
  readonly #watched = new Map<R, Watched>()
  #refusal: { readonly error: unknown; readonly until: number } | undefined
  #isHedging = false
  readonly ping?: (resource: R) => Promise<void>

  constructor(options: WatchedDriverOptions<R>) {
    this.#options = options
    const { driver } = options
    if (driver.ping !== undefined) this.ping = (resource) => this.#report(driver.ping?.(resource))
  }

  /** Whether resources are open that are not known to be broken. */
  get isConnected(): boolean {
    return this.#watched.size > 0
  }

  async open(signal: AbortSignal, onLost: (resource: R) => void): Promise<R> {
    const permit = this.#breaker.admit()
    const resource = await this.openUnder(permit, signal, onLost)
    this.#breaker.succeeded(permit)
    return resource
  }

  /** Opens a resource, and tells only of a failure: who opens it says when it has succeeded. */
  async openUnder(
    permit: Permit | undefined,
    signal: AbortSignal,
    onLost: (resource: R) => void,
  ): Promise<R> {
    const now = this.#options.clock.now()
    if (this.#refusal !== undefined && now < this.#refusal.until) throw this.#refusal.error
    try {
      const resource = await this.#open(signal, (lost) => {
        this.#lost(lost)
        onLost(lost)
      })
      this.#refusal = undefined
      this.#watched.set(resource, { permit, isResting: false })
      return resource
    } catch (error) {
      if (isRefusal(error)) this.#refusal = { error, until: now + REFUSAL_MS }
      // Whoever gives an attempt up for another reason than its time says nothing about the server.
      const isTold = signal.aborted ? codeOf(signal.reason) === 'ETIMEDOUT' : verdictOn(error) === 'outage'
      if (isTold) this.#breaker.failed(permit, { error, isProof: true })
      throw error
    }
  }

  /** What becomes of the resource from now on counts for the breaker as it is now. */
  renew(resource: R): void {
    const watched = this.#watched.get(resource)
    if (watched !== undefined) watched.permit = this.#breaker.admit()
  }

  isUsable(resource: R): boolean {
    return this.#options.driver.isUsable(resource)
  }

  reset(resource: R): Promise<void> | undefined {
    const permit = this.#watched.get(resource)?.permit
    const reset = this.#options.driver.reset(resource)
    reset?.then(
      () => this.#breaker.succeeded(permit),
      () => {},
    )
    return reset
  }

  rest(resource: R): void {
    const watched = this.#watched.get(resource)
    if (watched !== undefined) watched.isResting = true
    this.#options.driver.rest?.(resource)
  }

  wake(resource: R): void {
    const watched = this.#watched.get(resource)
    if (watched !== undefined) watched.isResting = false
    this.renew(resource)
    this.#options.driver.wake?.(resource)
  }

  close(resource: R, isDead: boolean): Promise<void> {
    const watched = this.#watched.get(resource)
    if (this.#watched.delete(resource) && isDead) {
      const error = new Error('an open connection did not answer')
      this.#breaker.failed(watched?.permit, { error, isProof: false })
    }
    return this.#options.driver.close(resource, isDead)
  }

  get #breaker(): CircuitBreaker {
    return this.#options.breaker
  }

  /** A server may end a session that rests; one that ends in use was broken. */
  #lost(resource: R): void {
    const watched = this.#watched.get(resource)
    if (watched === undefined) return
    this.#watched.delete(resource)
    if (watched.isResting) return
    this.#breaker.failed(watched.permit, { error: this.#options.lossOf(resource), isProof: false })
  }

  async #report(answer: Promise<void> | undefined): Promise<void> {
    const permit = this.#breaker.admit()
    await answer
    this.#breaker.succeeded(permit)
  }

  /** One attempt at a time has others beside it: a server that is slow is not to get three times as many. */
  async #open(signal: AbortSignal, onLost: (resource: R) => void): Promise<R> {
    const { driver, clock, deadlines, hedgeAfterMs: everyMs } = this.#options
    if (this.#isHedging || everyMs === null) return await driver.open(signal, onLost)
    this.#isHedging = true
    try {
      return await openHedged({ driver, clock, deadlines, everyMs }, signal, onLost)
    } finally {
      this.#isHedging = false
    }
  }
}
