import { CheckoutAbortedError, type ShardingError } from '../errors.ts'
import { Waiter } from '../pool/waiter.ts'
import type { Timing } from './in-time.ts'

export interface Patience {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  /** What whoever has waited for too long is told. */
  readonly timeout: () => ShardingError
}

/** The right to use a resource that somebody has already: one at a time, in the order in which they came. */
export class Turns {
  readonly #timing: Timing
  readonly #waiting = new Set<Waiter<void>>()
  #isTaken = false
  #onQuiet: (() => void) | undefined

  constructor(timing: Timing) {
    this.#timing = timing
  }

  async enter({ timeoutMs, signal, timeout }: Patience): Promise<void> {
    if (signal?.aborted) throw abortedError(signal)
    if (!this.#isTaken) {
      this.#isTaken = true
      return
    }
    const { clock, deadlines } = this.#timing
    const now = clock.now()
    const waiter = new Waiter<void>(now, now + timeoutMs, () => this.#refuse(waiter, timeout()))
    const leave = () => this.#refuse(waiter, abortedError(signal as AbortSignal))
    this.#waiting.add(waiter)
    deadlines.add(waiter)
    signal?.addEventListener('abort', leave, { once: true })
    try {
      await waiter.promise
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }

  leave(): void {
    for (const waiter of this.#waiting) {
      this.#remove(waiter)
      waiter.serve()
      return
    }
    this.#isTaken = false
    this.#onQuiet?.()
  }

  /** Settles when nobody has the turn. For one at a time. */
  async quiet(): Promise<void> {
    while (this.#isTaken) {
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve
      })
    }
  }

  #refuse(waiter: Waiter<void>, error: ShardingError): void {
    if (this.#remove(waiter)) waiter.refuse(error)
  }

  #remove(waiter: Waiter<void>): boolean {
    this.#timing.deadlines.delete(waiter)
    return this.#waiting.delete(waiter)
  }
}

export function abortedError({ reason }: AbortSignal): CheckoutAbortedError {
  return new CheckoutAbortedError('Nobody waits for the resource any more: the signal has aborted.', {
    cause: reason,
  })
}
