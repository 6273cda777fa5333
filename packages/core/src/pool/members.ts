import type { PoolConfig } from '../config/resolved-config.ts'
import type { Clock } from '../util/clock.ts'
import { Generations } from './generations.ts'
import type { CloseCause, PoolCounts } from './pool-counts.ts'
import type { PoolObserver } from './pool-observer.ts'
import type { Pooled } from './pooled.ts'
import type { ResourceDriver } from './resource-driver.ts'

export interface MembersOptions<R> {
  readonly driver: ResourceDriver<R>
  readonly limits: PoolConfig
  readonly clock: Clock
  readonly random: () => number
  readonly counts: PoolCounts
  readonly observer: PoolObserver
  /** Nothing is left of a resource. */
  readonly onGone: () => void
}

/** The resources of a pool, from the moment in which they are open until nothing of them is left. */
export class Members<R> implements Iterable<Pooled<R>> {
  readonly #options: MembersOptions<R>
  readonly #members = new Map<R, Pooled<R>>()
  readonly #generations = new Generations()
  #closing = 0

  constructor(options: MembersOptions<R>) {
    this.#options = options
  }

  /** Open ones. */
  get size(): number {
    return this.#members.size
  }

  get closing(): number {
    return this.#closing
  }

  /** Places taken: one that closes keeps its place until it is gone, so that the server never sees more than `max`. */
  get places(): number {
    return this.#members.size + this.#closing
  }

  find(resource: R): Pooled<R> | undefined {
    return this.#members.get(resource)
  }

  [Symbol.iterator](): Iterator<Pooled<R>> {
    return this.#members.values()
  }

  /** A resource was opened; nobody has it yet. */
  add(resource: R): Pooled<R> {
    const { clock, limits, random, counts, observer } = this.#options
    const now = clock.now()
    // A tenth of jitter, so that connections opened together do not all go together.
    const lifetime = limits.maxLifetimeMs === null ? Infinity : limits.maxLifetimeMs * (1 - random() / 10)
    const pooled: Pooled<R> = {
      resource,
      expiresAt: now + lifetime,
      generation: this.#generations.join(),
      state: 'resetting',
      idleSince: now,
      provenAt: now,
      lentAt: now,
      wasLent: false,
      tenant: undefined,
    }
    this.#members.set(resource, pooled)
    counts.openedCount++
    observer.connectionOpened(this.size)
    return pooled
  }

  /** Why it may not be lent again, as far as that is known without asking anybody. */
  whyUnwanted({ resource, expiresAt, generation }: Pooled<R>, now: number): CloseCause | undefined {
    const { driver } = this.#options
    if (!driver.isUsable(resource)) return 'lost'
    if (generation !== this.#generations.current) return 'rotated'
    return now < expiresAt ? undefined : 'lifetime'
  }

  close(pooled: Pooled<R>, cause: CloseCause): void {
    const { driver, counts, observer, onGone } = this.#options
    pooled.state = 'closed'
    this.#members.delete(pooled.resource)
    this.#closing++
    counts.closedCounts[cause]++
    void driver.close(pooled.resource, cause === 'dead').then(() => {
      this.#closing--
      this.#generations.leave(pooled.generation)
      onGone()
    })
    observer.connectionClosed(this.size, cause)
  }

  /** Whatever is open is of an earlier generation from now on. Settles when nothing of it is left. */
  rotate(): Promise<void> {
    return this.#generations.rotate()
  }
}
