import type { Message, MessagePattern } from './message.ts'

/**
 * A boundary between two messages of one connection: right after the one, right before the other, or anywhere
 * between: after the first that matches `after`, right before the next that matches `before`.
 */
export type Boundary =
  | { readonly after: MessagePattern; readonly before?: MessagePattern }
  | { readonly after?: MessagePattern; readonly before: MessagePattern }

/** Watches for a boundary, on each connection by itself. */
export class Trap<C extends object> {
  readonly #boundary: Boundary
  readonly #spring: (connection: C) => void
  readonly #hasPassed = new WeakSet<C>()

  constructor(boundary: Boundary, spring: (connection: C) => void) {
    this.#boundary = boundary
    this.#spring = spring
  }

  starts(connection: C, message: Message): void {
    const { after, before } = this.#boundary
    if (before === undefined || (after !== undefined && !this.#hasPassed.has(connection))) return
    if (before(message)) this.#spring(connection)
  }

  ended(connection: C, message: Message): void {
    const { after, before } = this.#boundary
    if (after === undefined || !after(message)) return
    if (before === undefined) this.#spring(connection)
    else this.#hasPassed.add(connection)
  }
}
