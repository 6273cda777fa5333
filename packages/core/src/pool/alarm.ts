import type { Deadline, Deadlines } from '../util/deadlines.ts'

/**
 * One deadline for many things that are due at different times: it comes when the first of them may be due, and whoever
 * set it looks what is. So what is over before it is due costs one comparison.
 */
export class Alarm {
  readonly #deadlines: Deadlines
  readonly #onDue: () => void
  #entry: Deadline | undefined
  #dueAt = Number.POSITIVE_INFINITY

  constructor(deadlines: Deadlines, onDue: () => void) {
    this.#deadlines = deadlines
    this.#onDue = onDue
  }

  /** Something is due at `deadline`, among other things. What is due at Infinity never is. */
  setFor(deadline: number): void {
    if (deadline >= this.#dueAt) return
    this.cancel()
    this.#dueAt = deadline
    this.#entry = { deadline, expire: () => this.#expire() }
    this.#deadlines.add(this.#entry)
  }

  /** Nothing is due any more. */
  cancel(): void {
    if (this.#entry === undefined) return
    this.#deadlines.delete(this.#entry)
    this.#forget()
  }

  #expire(): void {
    this.#forget()
    this.#onDue()
  }

  #forget(): void {
    this.#entry = undefined
    this.#dueAt = Number.POSITIVE_INFINITY
  }
}
