import type { Deadline } from '../util/deadlines.ts'

/** Somebody who waits for a resource until a deadline. Its place in the queue is its place in a `Set`. */
export class Waiter<T> implements Deadline {
  readonly promise: Promise<T>
  deadline: number
  /** When it began to wait. */
  readonly since: number
  readonly serve: (value: T) => void
  readonly refuse: (error: unknown) => void
  readonly #onExpire: (waiter: Waiter<T>) => void

  constructor(since: number, deadline: number, onExpire: (waiter: Waiter<T>) => void) {
    let serve!: (value: T) => void
    let refuse!: (error: unknown) => void
    this.promise = new Promise((resolve, reject) => {
      serve = resolve
      refuse = reject
    })
    this.serve = serve
    this.refuse = refuse
    this.since = since
    this.deadline = deadline
    this.#onExpire = onExpire
  }

  expire(): void {
    this.#onExpire(this)
  }
}
