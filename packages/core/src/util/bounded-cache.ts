import type { Clock } from './clock.ts'

interface Entry<V> {
  readonly value: V
  readonly expiresAt: number
}

/** What was used last, up to a number of entries and an age. When it is full, what was unused for longest goes. */
export class BoundedCache<V> {
  readonly #max: number
  readonly #ttlMs: number
  readonly #clock: Clock
  /** In the order of their last use: a map keeps the order in which keys were set. */
  readonly #entries = new Map<string, Entry<V>>()

  constructor({ max, ttlMs, clock }: { max: number; ttlMs: number; clock: Clock }) {
    this.#max = max
    this.#ttlMs = ttlMs
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    if (entry.expiresAt <= this.#clock.now()) return undefined
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: string, value: V): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.#max) this.#evictOldest()
    this.#entries.set(key, { value, expiresAt: this.#clock.now() + this.#ttlMs })
  }

  #evictOldest(): void {
    for (const key of this.#entries.keys()) {
      this.#entries.delete(key)
      return
    }
  }
}
