import { LatencyWindow } from '../util/latency-window.ts'
import { PoolCounts } from './pool-counts.ts'
import type { PoolObserver } from './pool-observer.ts'

/** What a pool remembers of its use: how often, how long, and whether all were in use at once. */
export class PoolUsage {
  readonly counts = new PoolCounts()
  /** How long those who were lent something had waited for it. */
  readonly waits = new LatencyWindow()
  /** How long they had it. */
  readonly holds = new LatencyWindow()
  readonly #observer: PoolObserver
  #isExhausted = false

  constructor(observer: PoolObserver) {
    this.#observer = observer
  }

  /** To somebody who has waited since `since`. */
  lent(since: number, now: number): void {
    this.counts.checkoutCount++
    this.waits.record(now - since, now)
  }

  returned(lentAt: number, now: number): void {
    this.holds.record(now - lentAt, now)
  }

  /** Somebody has to wait because all are in use: told once, until {@link relieved}. */
  exhausted(): void {
    if (this.#isExhausted) return
    this.#isExhausted = true
    this.#observer.exhausted()
  }

  relieved(): void {
    this.#isExhausted = false
  }
}
