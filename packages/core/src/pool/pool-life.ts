import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { Drain } from './drain.ts'
import type { PoolObserver } from './pool-observer.ts'

type PoolState =
  | { readonly kind: 'open' }
  /** Lends nothing and opens nothing; callers wait. */
  | { readonly kind: 'paused' }
  | { readonly kind: 'draining'; readonly drain: Drain; readonly since: number; isDrained: boolean }
  | { readonly kind: 'closed' }

export interface PoolLifeOptions {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly observer: PoolObserver
}

/** What is left in a pool. */
export interface Remains {
  /** Resources that are open. */
  readonly open: number
  /** Those, and what is being closed. */
  readonly places: number
  readonly waiting: number
}

/**
 * Whether a pool lends, and how it ends: by draining, after which it is closed, or by retiring, after which whoever still
 * knows it is served as before. Each end is told to the observer once, whichever comes first.
 */
export class PoolLife {
  readonly #options: PoolLifeOptions
  #state: PoolState = { kind: 'open' }
  /** Undefined as long as anybody may come. */
  #retirement: { readonly since: number; isOver: boolean } | undefined

  constructor(options: PoolLifeOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#state.kind === 'open'
  }

  /** Whether nothing will ever be lent again. */
  get isClosing(): boolean {
    return this.#state.kind === 'draining' || this.#state.kind === 'closed'
  }

  get isRetired(): boolean {
    return this.#retirement !== undefined
  }

  pause(): void {
    if (this.#state.kind === 'open') this.#state = { kind: 'paused' }
  }

  /** False when it was not paused. */
  resume(): boolean {
    if (this.#state.kind !== 'paused') return false
    this.#state = { kind: 'open' }
    return true
  }

  retire(): void {
    this.#retirement ??= { since: this.#options.clock.now(), isOver: false }
  }

  /** Undefined when it is closing already: then {@link drained} is the one to wait for. */
  drain(deadlineMs: number, force: () => void): Promise<void> | undefined {
    if (this.isClosing) return undefined
    const { clock, deadlines } = this.#options
    const since = clock.now()
    const drain = new Drain({ deadlines, deadline: since + deadlineMs, force })
    this.#state = { kind: 'draining', drain, since, isDrained: this.#hasEnded }
    return drain.done
  }

  /** Settles when a drain that has begun is over. */
  get drained(): Promise<void> {
    return this.#state.kind === 'draining' ? this.#state.drain.done : Promise.resolve()
  }

  /** To be told whenever something may have been the last. */
  note(remains: Remains): void {
    if (this.#state.kind === 'draining') this.#noteDrained(remains)
    else if (this.#retirement !== undefined && !this.isClosing) this.#noteRetired(remains)
  }

  /** Whether it has been told that nothing is left. */
  get #hasEnded(): boolean {
    return this.#retirement?.isOver ?? false
  }

  /** Tells it once, although somebody who has known the pool may still come. */
  #noteRetired({ places, waiting }: Remains): void {
    if (this.#retirement === undefined || this.#hasEnded || places > 0 || waiting > 0) return
    this.#retirement.isOver = true
    const durationMs = this.#options.clock.now() - this.#retirement.since
    this.#options.observer.drained(durationMs)
    this.#options.observer.closed(durationMs)
  }

  #noteDrained({ open, places }: Remains): void {
    if (this.#state.kind !== 'draining' || open > 0) return
    const { drain, since, isDrained } = this.#state
    const { clock, observer } = this.#options
    const durationMs = clock.now() - since
    if (!isDrained) {
      this.#state.isDrained = true
      observer.drained(durationMs)
    }
    if (places > 0) return
    this.#state = { kind: 'closed' }
    drain.finish()
    if (!this.#hasEnded) observer.closed(durationMs)
  }
}
