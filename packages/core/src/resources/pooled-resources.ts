import {
  type ResourceHeldMessage,
  type ResourcePoolMessage,
  resourcePoolCreated,
  resourcePoolLeaked,
  resourcePoolRecovered,
  resourcePoolReload,
  resourcePoolReloaded,
  resourcePoolShutdown,
} from '../diagnostics/resource-pool-events.ts'
import type { Gate } from '../pool/gate.ts'
import { LeaseHolders, type LongHeld } from '../pool/lease-holders.ts'
import { NOBODY } from '../pool/pool-observer.ts'
import type { Pooled } from '../pool/pooled.ts'
import { ShardPool } from '../pool/shard-pool.ts'
import type { Timing } from './in-time.ts'
import { inTransaction } from './in-transaction.ts'
import { poolLimits } from './pool-limits.ts'
import { ResourceErrors } from './resource-errors.ts'
import type { ResourcePool, ResourcePoolStats, ResourceTerms } from './resource-pool.ts'
import { resourcePoolId } from './resource-pool-id.ts'
import { type ResolvedOptions, type ResourcePoolOptions, resolveOptions } from './resource-pool-options.ts'
import type { Slot } from './slot.ts'
import { SlotDriver } from './slot-driver.ts'
import { SlotIndexes } from './slot-indexes.ts'
import { abortedError } from './turns.ts'
import { currentUse, Use } from './use.ts'

export interface PooledResourcesOptions extends Timing {
  readonly random: () => number
  /** Shared by pools that follow one another, so that their resources have no number in common. @default its own */
  readonly indexes?: SlotIndexes | undefined
}

/** Somebody who has a resource, as reports name him. */
interface Holder {
  readonly index: number
  readonly description: string
  readonly isLong: false
}

const CLOSE_DEADLINE_MS = 10_000

/** Whether something can be made is found out by making it. */
const OPEN: Gate = {
  isOpen: true,
  refusal: () => {
    throw new Error('it is open')
  },
}

/** A resource pool: the engine of the connection pools, over the hooks of its user. */
export class PooledResources<T, X> implements ResourcePool<T, X> {
  readonly about: ResourcePoolMessage
  readonly #hooks: ResolvedOptions<T, X>
  readonly #timing: Timing
  readonly #pool: ShardPool<Slot<T>>
  readonly #errors: ResourceErrors
  readonly #holders: LeaseHolders<Holder>
  #leakCount = 0
  /** The last of those that are under way; they come one after the other. */
  #reloading: Promise<void> | undefined
  #closed: Promise<void> | undefined
  #isForced = false
  #isRetired = false
  #isGone = false

  /** @throws TypeError */
  constructor(
    options: ResourcePoolOptions<T, X>,
    { clock, deadlines, random, indexes }: PooledResourcesOptions,
  ) {
    const hooks = resolveOptions(options)
    const { name, size, timeoutMs, leakThresholdMs } = hooks
    this.#hooks = hooks
    this.#timing = { clock, deadlines }
    this.about = Object.freeze({ pool: name, id: resourcePoolId(), size, timeoutMs })
    this.#errors = new ResourceErrors(name, random)
    this.#holders = new LeaseHolders({
      clock,
      deadlines,
      leakThresholdMs,
      onLeaked: (leaked) => this.#reportLeaked(leaked),
      onRecovered: (held) => this.#publish(resourcePoolRecovered, () => this.#heldMessage(held)),
    })
    this.#pool = new ShardPool({
      errors: this.#errors,
      driver: new SlotDriver({
        hooks: hooks as ResolvedOptions<T, never>,
        indexes: indexes ?? new SlotIndexes(),
        isForced: () => this.#isForced,
        clock,
        deadlines,
      }),
      limits: poolLimits(hooks),
      clock,
      deadlines,
      random,
      gate: OPEN,
      observer: { ...NOBODY, closed: () => this.#isRetired && this.#tellShutdown() },
    })
    this.#publish(resourcePoolCreated)
  }

  get name(): string {
    return this.#hooks.name
  }

  get size(): number {
    return this.#hooks.size
  }

  /** Whether nothing is left, and it has been told. */
  get isGone(): boolean {
    return this.#isGone
  }

  get isClosing(): boolean {
    return this.#closed !== undefined
  }

  with<R>(fn: (resource: T) => R | PromiseLike<R>, terms: ResourceTerms = {}): Promise<Awaited<R>> {
    return this.#use(fn, terms, (options) => new Use(options).run(() => fn(options.slot.resource)))
  }

  async transaction<R>(
    fn: (resource: T, transaction: X) => R | PromiseLike<R>,
    terms: ResourceTerms = {},
  ): Promise<Awaited<R>> {
    if (this.#hooks.begin === undefined)
      throw new TypeError(`The pool "${this.name}" has no transactions: give it begin, commit and rollback.`)
    return await this.#use(fn, terms, (options) => {
      const { slot, transaction } = options
      if (transaction === undefined) return inTransaction(this.#hooks, options, fn)
      return new Use(options)
        .run(() => fn(slot.resource, transaction.handle as X))
        .catch((error) => {
          transaction.failure ??= { error }
          throw error
        })
    })
  }

  stats(): ResourcePoolStats {
    const pool = this.#pool.stats()
    const { counts, waits, holds } = this.#pool
    const now = this.#timing.clock.now()
    return {
      ...pool,
      size: this.size,
      available: this.isClosing ? 0 : this.size - pool.active,
      checkoutCount: counts.checkoutCount,
      createdCount: counts.openedCount,
      createFailureCount: counts.connectFailureCount,
      destroyedCount: Object.values(counts.closedCounts).reduce((sum, count) => sum + count, 0),
      timeoutCount: counts.timeoutCount,
      leakCount: this.#leakCount,
      waitMs: waits.summary(now),
      heldMs: holds.summary(now),
    }
  }

  reload(): Promise<void> {
    if (currentUse(this) !== undefined) return Promise.reject(new Error(insideMessage(this.name, 'reload')))
    const reloaded = this.#reloading?.then(() => this.#reload()) ?? this.#reload()
    const isOver = () => {
      if (this.#reloading === over) this.#reloading = undefined
    }
    const over = reloaded.then(isOver, isOver)
    this.#reloading = over
    return reloaded
  }

  close({ force = false, deadlineMs = CLOSE_DEADLINE_MS } = {}): Promise<void> {
    if (!(deadlineMs >= 0))
      return Promise.reject(new TypeError(`deadlineMs must be 0 or more milliseconds, not ${deadlineMs}.`))
    if (this.#closed === undefined) {
      this.#isForced = force
      this.#closed = this.#close(force ? 0 : deadlineMs)
    }
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Keeps nothing that nobody uses; whoever still knows the pool is served as before. */
  retire(): void {
    this.#isRetired = true
    this.#pool.retire()
  }

  async #reload(): Promise<void> {
    if (this.isClosing) throw this.#errors.draining()
    this.#publish(resourcePoolReload)
    await this.#pool.rotate()
    this.#publish(resourcePoolReloaded)
  }

  async #close(deadlineMs: number): Promise<void> {
    await this.#pool.close(deadlineMs)
    await this.#reloading
    this.#tellShutdown()
  }

  /** Once, although somebody who has known a retired pool may still come. */
  #tellShutdown(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#publish(resourcePoolShutdown)
  }

  /** On the resource that the code has already, in its turn, or on one that it gets. */
  async #use<R>(
    fn: { readonly name: string },
    { timeoutMs = this.#hooks.timeoutMs, signal }: ResourceTerms,
    work: (use: ConstructorParameters<typeof Use<T>>[0]) => Promise<R>,
  ): Promise<R> {
    if (typeof fn !== 'function') throw new TypeError('A function is needed that uses the resource.')
    if (!(timeoutMs > 0)) throw new TypeError(`timeoutMs must be more than 0 milliseconds, not ${timeoutMs}.`)
    const common = { pool: this, timing: this.#timing }
    const outer = currentUse<T>(this)
    if (outer !== undefined) {
      const { slot, transaction, turns } = outer
      const timeout = () => this.#errors.timeout(timeoutMs, this.#pool.stats(), undefined)
      await turns.enter({ timeoutMs, signal, timeout })
      try {
        return await work({ ...common, slot, transaction })
      } finally {
        turns.leave()
      }
    }
    const pooled = await this.#checkOut(timeoutMs, signal)
    if (signal?.aborted) {
      // It was served in the instant in which it left.
      this.#pool.release(pooled)
      throw abortedError(signal)
    }
    const { resource: slot } = pooled
    const holder: Holder = { index: slot.index, description: fn.name || '(anonymous)', isLong: false }
    slot.isHeld = true
    const hold = this.#holders.add(holder, pooled.lentAt)
    try {
      return await work({ ...common, slot })
    } finally {
      slot.isHeld = false
      this.#holders.delete(hold)
      if (slot.isBroken) this.#pool.destroy(pooled)
      else this.#pool.release(pooled)
    }
  }

  async #checkOut(timeoutMs: number, signal: AbortSignal | undefined): Promise<Pooled<Slot<T>>> {
    if (signal?.aborted) throw abortedError(signal)
    const free = this.#pool.tryAcquire()
    if (free !== undefined) return free
    const waiter = this.#pool.wait(timeoutMs)
    if (signal === undefined) return await waiter.promise
    const leave = () => this.#pool.leave(waiter, abortedError(signal))
    signal.addEventListener('abort', leave, { once: true })
    try {
      return await waiter.promise
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  #heldMessage({ lease: { index, description }, heldMs, stack }: LongHeld<Holder>): ResourceHeldMessage {
    return { ...this.about, index, heldMs, holder: description, stack }
  }

  #reportLeaked(leaked: LongHeld<Holder>): void {
    this.#leakCount++
    if (resourcePoolLeaked.hasSubscribers) {
      resourcePoolLeaked.publish(this.#heldMessage(leaked))
      return
    }
    const { lease, heldMs, stack } = leaked
    process.emitWarning(
      `A resource of the pool "${this.name}" (index ${lease.index}) has been held for ${heldMs} ms by ` +
        `${lease.description}. End what holds it, or raise leakThresholdMs. Further leaks are told on the diagnostics ` +
        'channel sherd:resource-pool:leaked.',
      { code: 'SHERD_RESOURCE_LEAKED', ...(stack === undefined ? {} : { detail: stack }) },
    )
  }

  #publish(channel: typeof resourcePoolCreated, message: () => object = () => ({ ...this.about })): void {
    if (channel.hasSubscribers) channel.publish(message())
  }
}

function insideMessage(name: string, what: string): string {
  return (
    `${what}() of the pool "${name}" was called by a function that has one of its resources, and would wait for that ` +
    'function to end. Call it outside.'
  )
}
