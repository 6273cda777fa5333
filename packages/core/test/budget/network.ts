/** Messages on their way, which arrive when, in which order, and as often as the test says, or never. */
export class Network {
  readonly #underway: (() => void)[] = []

  get size(): number {
    return this.#underway.length
  }

  post(deliver: () => void): void {
    this.#underway.push(deliver)
  }

  deliver(index: number): void {
    this.#take(index)?.()
  }

  lose(index: number): void {
    this.#take(index)
  }

  /** Delivers one now, and once more later. */
  duplicate(index: number): void {
    this.#underway[index % this.size]?.()
  }

  /** What follows from it included. `newestFirst`: those that were sent last overtake all others. */
  deliverAll(newestFirst = false): void {
    while (this.size > 0) this.deliver(newestFirst ? this.size - 1 : 0)
  }

  #take(index: number): (() => void) | undefined {
    return this.size === 0 ? undefined : this.#underway.splice(index % this.size, 1)[0]
  }
}
