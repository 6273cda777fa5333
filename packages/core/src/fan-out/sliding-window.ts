export interface SlidingWindowOptions<T> {
  /** How many run at a time. */
  readonly limit: number
  /** How many of one group do; a function is asked each time. */
  readonly limitPerGroup: number | ((group: string) => number)
  readonly groupOf: (item: T) => string
  /** Never rejects; its item has made room when it settles. */
  readonly start: (item: T) => Promise<void>
}

/**
 * Starts items in their order, as soon as there is room: whichever ends, the next begins. An item whose group is full is
 * passed over by those behind it, and keeps its place.
 */
export class SlidingWindow<T> {
  readonly #options: SlidingWindowOptions<T>
  readonly #running = new Map<string, number>()
  #queue: readonly T[]
  #size = 0

  constructor(items: readonly T[], options: SlidingWindowOptions<T>) {
    this.#queue = items
    this.#options = options
  }

  /** Starts whatever there is room for. */
  fill(): void {
    const { limit, groupOf, start } = this.#options
    while (this.#size < limit) {
      const index = this.#queue.findIndex((item) => this.#hasRoom(groupOf(item)))
      if (index === -1) return
      const item = this.#queue[index] as T
      this.#queue = this.#queue.toSpliced(index, 1)
      const group = groupOf(item)
      this.#count(group, 1)
      void start(item).then(() => {
        this.#count(group, -1)
        this.fill()
      })
    }
  }

  /** Starts nothing any more. */
  shut(): void {
    this.#queue = []
  }

  #hasRoom(group: string): boolean {
    const { limitPerGroup } = this.#options
    const limit = typeof limitPerGroup === 'number' ? limitPerGroup : limitPerGroup(group)
    return (this.#running.get(group) ?? 0) < limit
  }

  #count(group: string, change: 1 | -1): void {
    this.#size += change
    this.#running.set(group, (this.#running.get(group) ?? 0) + change)
  }
}
