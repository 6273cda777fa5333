/**
 * The numbers of a pool's resources, from 0 to `size` - 1. A number is taken before its resource is made and given back
 * once nothing of that resource is left, so that no two of them ever have the same: a transactional id that is made of it
 * is one producer's at a time.
 */
export class SlotIndexes {
  readonly #isTaken: boolean[]
  readonly #waiting = new Set<(index: number) => void>()

  constructor(size: number) {
    this.#isTaken = new Array<boolean>(size).fill(false)
  }

  /** The lowest that is free, as soon as one is. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const free = this.#isTaken.indexOf(false)
      if (free !== -1) {
        this.#isTaken[free] = true
        return resolve(free)
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
      this.#waiting.add(grant)
    })
  }

  giveBack(index: number): void {
    for (const grant of this.#waiting) {
      this.#waiting.delete(grant)
      grant(index)
      return
    }
    this.#isTaken[index] = false
  }
}
