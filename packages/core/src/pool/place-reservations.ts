/** A place in a pool for a resource that somebody else opens. */
export interface Place<R> {
  /** To be called when the resource dies by itself. */
  readonly onLost: (resource: R) => void
  /** The resource is the pool's from now on. */
  fill(resource: R): void
  /** Gives the place up, unless it has been filled. */
  vacate(): void
}

interface Request {
  readonly grant: () => void
  readonly refuse: (reason: unknown) => void
}

/** Who asks for a place in a pool, and who has got one and not filled it yet. */
export class PlaceReservations {
  readonly #wanted = new Set<Request>()
  #held = 0

  /** Places that are given away. */
  get held(): number {
    return this.#held
  }

  /** Those who wait for one. */
  get wanted(): number {
    return this.#wanted.size
  }

  /** Settles when a place has been given away; rejects with the signal's reason. */
  request(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#wanted.delete(request)
        signal.removeEventListener('abort', giveUp)
      }
      const request: Request = {
        grant: () => {
          end()
          this.#held++
          resolve()
        },
        refuse: (reason) => {
          end()
          reject(reason)
        },
      }
      const giveUp = () => request.refuse(signal.reason)
      signal.addEventListener('abort', giveUp, { once: true })
      this.#wanted.add(request)
    })
  }

  /** Gives away up to `free` places. */
  grant(free: number): void {
    for (const { grant } of [...this.#wanted].slice(0, Math.max(0, free))) grant()
  }

  release(): void {
    this.#held--
  }

  refuseAll(reason: () => unknown): void {
    for (const { refuse } of [...this.#wanted]) refuse(reason())
  }
}
