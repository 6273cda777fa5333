/** Counts resources by generation, so that one can tell when all that were opened before a moment have gone. */
export class Generations {
  #current = 0
  readonly #members = new Map<number, number>()
  #rotations: { readonly generation: number; readonly done: () => void }[] = []

  /** The generation that whatever is opened now belongs to. */
  get current(): number {
    return this.#current
  }

  /** A resource of the current generation was opened. */
  join(): number {
    this.#members.set(this.#current, (this.#members.get(this.#current) ?? 0) + 1)
    return this.#current
  }

  /** Nothing is left of a resource. */
  leave(generation: number): void {
    const left = (this.#members.get(generation) ?? 0) - 1
    if (left > 0) this.#members.set(generation, left)
    else this.#members.delete(generation)
    this.#settle()
  }

  /** Begins a generation; settles when nothing is left of those before. */
  rotate(): Promise<void> {
    const generation = ++this.#current
    const gone = new Promise<void>((done) => this.#rotations.push({ generation, done }))
    this.#settle()
    return gone
  }

  #settle(): void {
    const oldest = Math.min(...this.#members.keys())
    this.#rotations = this.#rotations.filter(({ generation, done }) => {
      if (oldest < generation) return true
      done()
      return false
    })
  }
}
