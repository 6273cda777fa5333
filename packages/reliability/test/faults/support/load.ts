import type { Answer } from './client.ts'

interface Awaited {
  readonly matches: (answer: Answer) => boolean
  readonly reached: () => void
  left: number
}

/** So many clients, each of which asks again as soon as it is answered. */
export class Load {
  readonly #answers: Answer[] = []
  readonly #awaited = new Set<Awaited>()
  readonly #clients: readonly Promise<void>[]
  #isOver = false

  constructor(clients: number, ask: (client: number) => Promise<Answer>) {
    this.#clients = Array.from({ length: clients }, (_, client) => this.#run(() => ask(client)))
  }

  /** Settles when so many more requests have been answered with 200. */
  served(count: number): Promise<void> {
    return this.until(count, ({ status }) => status === 200)
  }

  /** The same for answers of another kind. */
  until(count: number, matches: Awaited['matches']): Promise<void> {
    return new Promise((reached) => {
      this.#awaited.add({ matches, reached, left: count })
    })
  }

  /** @returns all answers */
  async stop(): Promise<readonly Answer[]> {
    this.#isOver = true
    await Promise.all(this.#clients)
    return this.#answers
  }

  async #run(ask: () => Promise<Answer>): Promise<void> {
    while (!this.#isOver) this.#note(await ask())
  }

  #note(answer: Answer): void {
    this.#answers.push(answer)
    for (const awaited of this.#awaited) {
      if (!awaited.matches(answer) || --awaited.left > 0) continue
      this.#awaited.delete(awaited)
      awaited.reached()
    }
  }
}
