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

export interface PlaceReservationsOptions<R> {
  readonly onFilled: (resource: R) => void
  readonly onVacated: () => void
  readonly onLost: (resource: R) => void
}

/** Who asks for a place in a pool, and who has got one and not filled it yet. */
export class PlaceReservations<R> {
  readonly #options: PlaceReservationsOptions<R>
  readonly #wanted = new Set<Request>()
  #held = 0

  constructor(options: PlaceReservationsOptions<R>) {
    this.#options = options
  }

  /** Places that are given away. */
  get held(): number {
    return this.#held
  }

  /** Those who wait for one. */
  get wanted(): number {
    return this.#wanted.size
  }

  /** Settles when a place has been given away; rejects with the signal's reason. */
  async request(signal: AbortSignal): Promise<Place<R>> {
    await this.#granted(signal)
    const { onFilled, onVacated, onLost } = this.#options
    let isHeld = true
    return {
      onLost,
      fill: (resource) => {
        isHeld = false
        this.#held--
        onFilled(resource)
      },
      vacate: () => {
        if (!isHeld) return
        isHeld = false
        this.#held--
        onVacated()
      },
    }
  }

  #granted(signal: AbortSignal): Promise<void> {
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

  refuseAll(reason: () => unknown): void {
    for (const { refuse } of [...this.#wanted]) refuse(reason())
  }
}
