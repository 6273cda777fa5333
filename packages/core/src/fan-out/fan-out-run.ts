import type { FanOutOutcome, ShardingError } from '../errors.ts'
import type { Dependent } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import { cancelledError, shardTimeoutError, totalTimeoutError } from './fan-out-errors.ts'
import type { FanOutLimits, FanOutTarget } from './fan-out-options.ts'
import type { FanOutOrigin } from './fan-out-origin.ts'
import type { FanOutParts } from './fan-out-parts.ts'
import { type FanOutPlace, serverOfPlace } from './fan-out-places.ts'
import { ShardBranch } from './shard-branch.ts'
import { SlidingWindow } from './sliding-window.ts'

export interface FanOutRunOptions<T> {
  readonly parts: FanOutParts
  readonly origin: FanOutOrigin
  readonly limits: FanOutLimits
  readonly places: readonly FanOutPlace[]
  readonly key: string
  /** What is left of the time for all, when the run begins. */
  readonly leftMs: number | undefined
  /** Failures that are tolerated before the rest is cancelled. */
  readonly maxFailures: number
  readonly fn: (target: FanOutTarget) => T | PromiseLike<T>
}

interface Member<T> {
  readonly place: FanOutPlace
  readonly value: Scope
  readonly server: string
  branch?: ShardBranch
  /** Makes room for the next although the function has not settled. */
  leave?: () => void
  startedAt?: number
  outcome?: FanOutOutcome<Awaited<T>>
}

const CONCURRENCY = 5
const TOTAL_TIMEOUT_MS = 30_000

export function totalTimeoutOf({ totalTimeoutMs = TOTAL_TIMEOUT_MS }: FanOutLimits): number | null {
  return totalTimeoutMs
}

/** One run of a function on several shards: who is asked when, for how long, and what became of each. */
export class FanOutRun<T> implements Dependent {
  readonly #options: FanOutRunOptions<T>
  readonly #members: readonly Member<T>[]
  readonly #window: SlidingWindow<Member<T>>
  readonly #settled: Promise<void>
  #resolve!: () => void
  #left: number
  #failed = 0
  #isCancelled = false
  #stopped: { readonly why: string; readonly cause: unknown } | undefined

  constructor(options: FanOutRunOptions<T>) {
    this.#options = options
    const { places, origin, limits, parts } = options
    this.#members = places.map((place) => {
      const value = origin.scopeOf(place.shard, limits)
      return { place, value, server: serverOfPlace(parts, place.shard, value.role) }
    })
    this.#left = this.#members.length
    this.#window = new SlidingWindow(this.#members, {
      limit: limits.concurrency ?? CONCURRENCY,
      limitPerGroup: limits.concurrencyPerServer ?? Number.POSITIVE_INFINITY,
      groupOf: ({ server }) => server,
      start: (member) => this.#start(member),
    })
    this.#settled = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  /** Why all of it was stopped from outside, if it was. */
  get stopped(): { readonly why: string; readonly cause: unknown } | undefined {
    return this.#stopped
  }

  /** What became of each shard, in their order, once something has become of all. Never rejects. */
  async settle(): Promise<FanOutOutcome<Awaited<T>>[]> {
    const { origin, leftMs, limits } = this.#options
    const rules = origin.around?.rules
    rules?.adopt(this)
    const onGone = () => {
      for (const { branch } of this.#members) branch?.abort(rules?.life.signal.reason)
    }
    rules?.life.signal.addEventListener('abort', onGone)
    const onAbort = () => this.#stop('its signal has aborted', limits.signal?.reason)
    limits.signal?.addEventListener('abort', onAbort)
    const timer = leftMs === undefined ? undefined : setTimeout(() => this.#expire(), leftMs).unref()
    if (limits.signal?.aborted) onAbort()
    this.#window.fill()
    if (this.#members.length > 0) await this.#settled
    clearTimeout(timer)
    limits.signal?.removeEventListener('abort', onAbort)
    rules?.life.signal.removeEventListener('abort', onGone)
    rules?.forget(this)
    return this.#members.map(({ outcome }) => outcome as FanOutOutcome<Awaited<T>>)
  }

  /** The client has gone, or the job's signal has aborted. */
  cancelRunning(): void {
    this.#stop('nobody waits for it any more', undefined)
  }

  /** The function of the scope around has settled. */
  end(): void {
    this.#stop('the scope around it has ended', undefined)
  }

  /** Settles when there is room for the next: nothing runs for this one on the server any more. */
  #start(member: Member<T>): Promise<void> {
    const left = new Promise<void>((resolve) => {
      member.leave = resolve
    })
    return Promise.race([this.#run(member), left])
  }

  async #run(member: Member<T>): Promise<void> {
    const { parts, origin, limits, key, fn } = this.#options
    const { place, value } = member
    const { shardTimeoutMs } = limits
    member.startedAt = performance.now()
    let timer: NodeJS.Timeout | undefined
    try {
      const branch = new ShardBranch({
        parts,
        value,
        around: origin.around,
        checkoutTimeoutMs: limits.checkoutTimeoutMs,
        isExclusive: true,
      })
      member.branch = branch
      const life = origin.around?.rules.life
      if (life?.signal.aborted) branch.abort(life.signal.reason)
      if (typeof shardTimeoutMs === 'number')
        timer = setTimeout(() => {
          this.#cancel(member, shardTimeoutError(place.shard, shardTimeoutMs))
        }, shardTimeoutMs).unref()
      await branch.connect()
      const target = { ...place, key, signal: branch.signal }
      const result = await branch.run(async () => await fn(target))
      this.#settle(member, { status: 'fulfilled', value: result })
    } catch (reason) {
      this.#settle(member, { status: 'rejected', reason })
    } finally {
      clearTimeout(timer)
      member.branch?.end()
    }
  }

  #settle(
    member: Member<T>,
    how: { status: 'fulfilled'; value: Awaited<T> } | { status: 'rejected'; reason: unknown },
  ): void {
    if (member.outcome !== undefined) return
    const durationMs = member.startedAt === undefined ? 0 : performance.now() - member.startedAt
    member.outcome = { shard: member.place.shard, durationMs, ...how }
    this.#left--
    if (how.status === 'rejected') this.#countFailure(member.place.shard, how.reason)
    if (this.#left === 0) this.#resolve()
  }

  #countFailure(shard: string, reason: unknown): void {
    if (this.#isCancelled) return
    this.#failed++
    if (this.#failed <= this.#options.maxFailures) return
    this.#cancelAll(({ place }) =>
      cancelledError(place.shard, `shard "${shard}" has failed, so that too few were left`, reason),
    )
  }

  #stop(why: string, cause: unknown): void {
    if (this.#left === 0) return
    this.#stopped ??= { why, cause }
    this.#cancelAll(({ place }) => cancelledError(place.shard, why, cause))
  }

  #expire(): void {
    const totalMs = totalTimeoutOf(this.#options.limits) as number
    this.#cancelAll(({ place, branch }) => totalTimeoutError(place.shard, totalMs, branch !== undefined))
  }

  #cancelAll(errorFor: (member: Member<T>) => ShardingError): void {
    this.#isCancelled = true
    this.#window.shut()
    for (const member of this.#members) {
      if (member.outcome === undefined) this.#cancel(member, errorFor(member))
    }
  }

  #cancel(member: Member<T>, error: ShardingError): void {
    void member.branch?.cancel(error).then(member.leave)
    this.#settle(member, { status: 'rejected', reason: error })
  }
}
