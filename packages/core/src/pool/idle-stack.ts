import type { PoolConfig } from '../config/resolved-config.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadline, Deadlines } from '../util/deadlines.ts'
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
  #sweep: Deadline | undefined

  constructor(options: IdleStackOptions<R>) {
    this.#options = options
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
    this.#scheduleSweep(this.#dueAt(pooled))
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
    if (this.#sweep !== undefined) this.#options.deadlines.delete(this.#sweep)
    this.#sweep = undefined
    const all = this.#stack.splice(0)
    for (const { resource } of all) this.#options.driver.wake?.(resource)
    return all
  }

  #scheduleSweep(deadline: number): void {
    if (deadline >= (this.#sweep?.deadline ?? Number.POSITIVE_INFINITY)) return
    if (this.#sweep !== undefined) this.#options.deadlines.delete(this.#sweep)
    this.#sweep = { deadline, expire: () => this.#sweepNow() }
    this.#options.deadlines.add(this.#sweep)
  }

  #sweepNow(): void {
    this.#sweep = undefined
    const now = this.#options.clock.now()
    for (const pooled of [...this.#stack]) {
      if (now < this.#dueAt(pooled) || !this.delete(pooled)) continue
      this.#options.onSurplus(pooled, now < pooled.expiresAt ? 'idle' : 'lifetime')
    }
    for (const pooled of this.#stack) this.#scheduleSweep(this.#dueAt(pooled))
  }

  #dueAt(pooled: Pooled<R>): number {
    const { idleTimeoutMs, min } = this.#options.limits
    const mayRest = idleTimeoutMs === null || this.#options.size() <= min
    return mayRest ? pooled.expiresAt : Math.min(pooled.expiresAt, pooled.idleSince + idleTimeoutMs)
  }
}
