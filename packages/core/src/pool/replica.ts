import {
  type ReplicaEjectedMessage,
  type ReplicaFault,
  type ReplicaReadmittedMessage,
  replicaEjected,
  replicaReadmitted,
} from '../diagnostics/replica-events.ts'
import { IdentityMismatchError } from '../errors.ts'
import type { Endpoint } from '../topology/topology.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import type { Candidate } from './replica-choice.ts'
import type { ReplicaStatus } from './replica-status.ts'

/** A replica that could not be connected to, and whose breaker says nothing of it, is tried as often at most. */
const RETRY_MS = 1000

export interface ReplicaOptions {
  /** `id` of the Sharding, for events. */
  readonly sharding: string
  readonly endpoint: Endpoint
  /** Its pool, as far as somebody has asked for it. */
  readonly find: () => EndpointPool | undefined
  /** Its pool. Throws when its settings cannot be used. */
  readonly open: () => EndpointPool
}

/**
 * What is known of its lag:
 *
 * - `unmeasured`: nobody has looked, or not for a long time.
 * - `unknown`: somebody has, in vain.
 * - `fresh`: it has all that had been committed at `asOf`, on this process's clock.
 */
type Freshness =
  | { readonly kind: 'unmeasured' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'fresh'; readonly asOf: number }

const UNMEASURED: Freshness = { kind: 'unmeasured' }

/** A replica of a shard: whether it may serve, and why not. Tells when that has changed, as soon as it is noticed. */
export class Replica implements Candidate {
  readonly endpoint: Endpoint
  /** Further behind than this it does not serve; null does not look at it. */
  maxLagMs: number | null = null
  readonly #options: ReplicaOptions
  #freshness = UNMEASURED
  #ejectedAt: number | undefined
  #ejectedCount = 0

  constructor(options: ReplicaOptions) {
    this.#options = options
    this.endpoint = options.endpoint
  }

  get pool(): EndpointPool | undefined {
    return this.#options.find()
  }

  open(): EndpointPool {
    return this.#options.open()
  }

  /** Whether its lag has not been looked at, so that nothing can be said against it but that. */
  get isUnmeasured(): boolean {
    return this.maxLagMs !== null && this.#freshness.kind === 'unmeasured'
  }

  /** Until when it serves, as far as its lag is concerned. */
  get freshUntil(): number {
    const { maxLagMs } = this
    if (maxLagMs === null) return Number.POSITIVE_INFINITY
    return this.#freshness.kind === 'fresh' ? this.#freshness.asOf + maxLagMs : Number.NEGATIVE_INFINITY
  }

  /** It has all that had been committed at `asOf`. What was known of a later time stays so. */
  refresh(asOf: number): void {
    if (this.#freshness.kind !== 'fresh' || this.#freshness.asOf < asOf)
      this.#freshness = { kind: 'fresh', asOf }
  }

  /** It was asked, and nothing has come of it. */
  foundNothing(): void {
    if (this.#freshness.kind === 'unmeasured') this.#freshness = { kind: 'unknown' }
  }

  /** Nobody looks any more. */
  forget(): void {
    this.#freshness = UNMEASURED
  }

  serves(now: number): boolean {
    const fault = this.#faultAt(now)
    // Its probes stay frequent as long as somebody could use it.
    if (fault === 'unreachable') this.pool?.breaker.want()
    if (fault !== undefined) this.#eject(fault, now)
    else if (!this.isUnmeasured) this.#readmit(now)
    return fault === undefined && !this.isUnmeasured
  }

  /** As it is known; asks nothing, and tells nobody. */
  status(now: number): ReplicaStatus {
    const fault = this.#faultAt(now) ?? null
    return {
      isAdmitted: fault === null && !this.isUnmeasured,
      fault,
      lagMs: this.#lagAt(now),
      ejectedCount: this.#ejectedCount,
    }
  }

  #faultAt(now: number): ReplicaFault | undefined {
    return this.#outageAt(now) ?? this.#lagFaultAt(now)
  }

  #outageAt(now: number): ReplicaFault | undefined {
    const { pool } = this
    if (pool === undefined) return undefined
    const { breaker, connectFailure } = pool
    if (!breaker.isClosed) return breaker.name === 'isolated' ? 'isolated' : 'unreachable'
    if (connectFailure === undefined || now - connectFailure.at >= RETRY_MS) return undefined
    if (pool.pool.stats().total > 0) return undefined
    return connectFailure.error instanceof IdentityMismatchError ? 'mistaken' : 'unreachable'
  }

  #lagFaultAt(now: number): ReplicaFault | undefined {
    if (this.maxLagMs === null || this.#freshness.kind === 'unmeasured') return undefined
    if (this.#freshness.kind === 'unknown') return 'unknown'
    return now > this.freshUntil ? 'lagging' : undefined
  }

  #lagAt(now: number): number | null {
    if (this.maxLagMs === null || this.#freshness.kind !== 'fresh') return null
    return Math.max(0, Math.round(now - this.#freshness.asOf))
  }

  #eject(cause: ReplicaFault, now: number): void {
    if (this.#ejectedAt !== undefined) return
    this.#ejectedAt = now
    this.#ejectedCount++
    if (!replicaEjected.hasSubscribers) return
    replicaEjected.publish({ ...this.#about, cause, lagMs: this.#lagAt(now) } satisfies ReplicaEjectedMessage)
  }

  #readmit(now: number): void {
    if (this.#ejectedAt === undefined) return
    const durationMs = now - this.#ejectedAt
    this.#ejectedAt = undefined
    if (!replicaReadmitted.hasSubscribers) return
    replicaReadmitted.publish({ ...this.#about, durationMs } satisfies ReplicaReadmittedMessage)
  }

  get #about() {
    const { sharding, endpoint } = this.#options
    return { sharding, shard: endpoint.shard, endpoint: endpoint.id, kind: endpoint.kind }
  }
}
