/**
 * The numbers of a pool's resources, from 0 on. A number is taken before its resource is made and given back
 * once nothing of that resource is left, so that no two of them ever have the same: a transactional id that is made of it
 * is one producer's at a time.
 */
export class SlotIndexes {
  readonly #taken = new Set<number>()
  /** With the size of the pool that each wants one for. */
  readonly #waiting = new Map<(index: number) => void, number>()

  /** The lowest below `size` that is free, as soon as one is. Rejects with the signal's reason. */
  take(size: number, signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      for (let index = 0; index < size; index++) {
        if (this.#taken.has(index)) continue
        this.#taken.add(index)
        return resolve(index)
      }
      const leave = () => {
        this.#waiting.delete(grant)
        reject(signal.reason)
      }
      const grant = (index: number) => {
        signal.removeEventListener('abort', leave)
        resolve(index)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.set(grant, size)
    })
  }

  giveBack(index: number): void {
    for (const [grant, size] of this.#waiting) {
      if (index >= size) continue
      this.#waiting.delete(grant)
      grant(index)
      return
    }
    this.#taken.delete(index)
  }
}
