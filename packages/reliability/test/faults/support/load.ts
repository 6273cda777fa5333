import type { Answer } from './client.ts'

/** So many clients, each of which asks again as soon as it is answered. */
export class Load {
  readonly #answers: Answer[] = []
  readonly #clients: readonly Promise<void>[]
  #isOver = false
  #changed = () => {}

  constructor(clients: number, ask: (client: number) => Promise<Answer>) {
    this.#clients = Array.from({ length: clients }, (_, client) => this.#run(() => ask(client)))
  }

  /** Settles when so many more requests have been answered with 200. */
  served(count: number): Promise<void> {
    return this.until(count, ({ status }) => status === 200)
  }

  /** The same for answers of another kind. */
  async until(count: number, matches: (answer: Answer) => boolean): Promise<void> {
    const from = this.#answers.length
    while (this.#answers.slice(from).filter(matches).length < count) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
  }

  /** @returns all answers */
  async stop(): Promise<readonly Answer[]> {
    this.#isOver = true
    await Promise.all(this.#clients)
    return this.#answers
  }

  async #run(ask: () => Promise<Answer>): Promise<void> {
    while (!this.#isOver) {
      this.#answers.push(await ask())
      this.#changed()
    }
  }
}
