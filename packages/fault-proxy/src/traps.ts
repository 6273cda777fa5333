import { type Fault, fault } from './fault.ts'
import type { Message } from './message.ts'
import { type Boundary, Trap } from './trap.ts'

/** All that lies in wait on a proxy's connections. */
export class Traps<C extends object> {
  readonly #traps = new Set<Trap<C>>()

  get isEmpty(): boolean {
    return this.#traps.size === 0
  }

  /** Healed, it lies in wait no more. */
  add(at: Boundary, spring: (connection: C) => void): Fault {
    const trap = new Trap<C>(at, spring)
    this.#traps.add(trap)
    return fault(() => this.#traps.delete(trap))
  }

  starts(connection: C, message: Message): void {
    for (const trap of [...this.#traps]) trap.starts(connection, message)
  }

  ended(connection: C, message: Message): void {
    for (const trap of [...this.#traps]) trap.ended(connection, message)
  }
}
