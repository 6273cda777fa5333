import { quantile } from '../measure/quantiles.ts'
import { Caller, type Exchange } from './caller.ts'
import type { Outcomes } from './load-calls.ts'

/** Sends requests whose clients have little patience, on connections that are used again, and counts what becomes of them. */
export class Tally {
  readonly #port: number
  readonly #patienceMs: number
  readonly #exchanges: readonly Exchange[]
  readonly #idle: Caller[] = []
  readonly #served: number[] = []
  readonly #failed: number[] = []
  #sent = 0

  constructor(port: number, patienceMs: number, exchanges: readonly Exchange[]) {
    this.#port = port
    this.#patienceMs = patienceMs
    this.#exchanges = exchanges
  }

  /** Settles when the request is answered, or its client has gone. @returns whether it was served */
  async ask({ isCounted = true } = {}): Promise<boolean> {
    const exchange = this.#exchanges[this.#sent++ % this.#exchanges.length] as Exchange
    const caller = this.#idle.pop() ?? new Caller(this.#port)
    const sentAt = performance.now()
    const timer = setTimeout(() => caller.close(), this.#patienceMs)
    const problem = await caller.exchange(exchange)
    clearTimeout(timer)
    if (caller.isOpen) this.#idle.push(caller)
    if (isCounted) (problem === undefined ? this.#served : this.#failed).push(performance.now() - sentAt)
    return problem === undefined
  }

  /** Closes what is open. */
  outcomes(seconds: number): Outcomes {
    for (const caller of this.#idle) caller.close()
    return {
      seconds,
      served: this.#served.length,
      failed: this.#failed.length,
      servedP50Ms: quantile(this.#served, 0.5),
      failedP50Ms: quantile(this.#failed, 0.5),
      failedP99Ms: quantile(this.#failed, 0.99),
    }
  }
}
