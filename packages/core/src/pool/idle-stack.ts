import type { PoolConfig } from '../config/resolved-config.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { Alarm } from './alarm.ts'
import type { Pooled } from './pooled.ts'
import type { ResourceDriver } from './resource-driver.ts'

export interface IdleStackOptions<R> {
  readonly driver: ResourceDriver<R>
  readonly limits: PoolConfig
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** Open resources of the pool, idle or not: `min` of them stay. */
  readonly size: () => number
  readonly onSurplus: (pooled: Pooled<R>, cause: 'idle' | 'lifetime') => void
}

/**
 * Resources at rest, the one used last on top: the few that are needed stay warm, and those that nobody needs sink
 * to the bottom, where they are closed after `idleTimeoutMs`.
 */
export class IdleStack<R> {
  readonly #options: IdleStackOptions<R>
  readonly #stack: Pooled<R>[] = []
  /** For the first one that will have rested for long enough. */
  readonly #sweep: Alarm

  constructor(options: IdleStackOptions<R>) {
    this.#options = options
    this.#sweep = new Alarm(options.deadlines, () => this.#sweepNow())
  }

  get size(): number {
    return this.#stack.length
  }

  /** What {@link pop} would take. */
  get top(): Pooled<R> | undefined {
    return this.#stack.at(-1)
  }

  pop(): Pooled<R> | undefined {
    const pooled = this.#stack.pop()
    if (pooled !== undefined) this.#options.driver.wake?.(pooled.resource)
    return pooled
  }

  /** Takes what has been at rest for longest. */
  popOldest(): Pooled<R> | undefined {
    const [oldest] = this.#stack
    if (oldest !== undefined) this.delete(oldest)
    return oldest
  }

  push(pooled: Pooled<R>): void {
    this.#stack.push(pooled)
    this.#options.driver.rest?.(pooled.resource)
    this.#sweep.setFor(this.#dueAt(pooled))
  }

  /** False when it does not rest here any more. */
  delete(pooled: Pooled<R>): boolean {
    const index = this.#stack.indexOf(pooled)
    if (index === -1) return false
    this.#stack.splice(index, 1)
    this.#options.driver.wake?.(pooled.resource)
    return true
  }

  /** Empties the stack. */
  popAll(): readonly Pooled<R>[] {
    this.#sweep.cancel()
    const all = this.#stack.splice(0)
    for (const { resource } of all) this.#options.driver.wake?.(resource)
    return all
  }

  #sweepNow(): void {
    const now = this.#options.clock.now()
    for (const pooled of [...this.#stack]) {
      if (now < this.#dueAt(pooled) || !this.delete(pooled)) continue
      this.#options.onSurplus(pooled, now < pooled.expiresAt ? 'idle' : 'lifetime')
    }
    for (const pooled of this.#stack) this.#sweep.setFor(this.#dueAt(pooled))
  }

  #dueAt(pooled: Pooled<R>): number {
    const { idleTimeoutMs, min } = this.#options.limits
    const mayRest = idleTimeoutMs === null || this.#options.size() <= min
    return mayRest ? pooled.expiresAt : Math.min(pooled.expiresAt, pooled.idleSince + idleTimeoutMs)
  }
}
