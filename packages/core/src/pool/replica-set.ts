import { CircuitOpenError, ShardUnavailableError } from '../errors.ts'
import type { Endpoint, Shard } from '../topology/topology.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { retryAfterSeconds } from '../util/retry-after.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import { LagWatch } from './lag-watch.ts'
import type { LeaseSource, Reroute } from './lease-source.ts'
import { Replica } from './replica.ts'
import { ReplicaChoice } from './replica-choice.ts'
import type { ReplicaStatus } from './replica-status.ts'

export interface ReplicaSetOptions {
  /** `id` of the Sharding, for events. */
  readonly sharding: string
  readonly shard: Shard
  /** An endpoint's pool, as far as somebody has asked for it. */
  readonly find: (endpoint: Endpoint) => EndpointPool | undefined
  /** The same, made if there is none. Throws ShardUnavailableError when its settings cannot be used. */
  readonly open: (endpoint: Endpoint) => EndpointPool
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: () => number
}

/** For those who were refused because no replica serves. */
const RETRY_AFTER_MS = 1000

/**
 * The replicas of a shard: who of them serves the next read, and who does while none of them can. Decides at once, from
 * what is known; what is known is found out by the pools' circuit breakers and by a {@link LagWatch}.
 */
export class ReplicaSet {
  readonly #options: ReplicaSetOptions
  readonly #replicas: readonly Replica[]
  readonly #choice: ReplicaChoice<Replica>
  readonly #watch: LagWatch | undefined

  /** Replicas that `previous` has, too, keep what is known of them. */
  constructor(options: ReplicaSetOptions, previous?: ReplicaSet) {
    const { shard, sharding, find, open } = options
    const { replicas, reading } = shard.config
    this.#options = options
    this.#replicas = shard.replicas.map((endpoint) => {
      const known = previous?.find(endpoint)
      const own = { sharding, endpoint, find: () => find(endpoint), open: () => open(endpoint) }
      return known ?? new Replica(own)
    })
    for (const replica of this.#replicas) replica.maxLagMs = reading.maxLagMs
    this.#choice = new ReplicaChoice(
      this.#replicas.map((replica, index) => [replica, replicas[index]?.weight ?? 1] as const),
    )
    if (reading.maxLagMs !== null && this.#choice.candidates.length > 0) {
      this.#watch = new LagWatch({
        ...options,
        maxLagMs: reading.maxLagMs,
        replicas: this.#choice.candidates,
        openPrimary: () => open(shard.primary),
      })
    }
  }

  find(endpoint: Endpoint): Replica | undefined {
    return this.#replicas.find((replica) => replica.endpoint === endpoint)
  }

  /**
   * Who serves the next read: the replica whose turn it is, else the primary where the configuration says so, and until the
   * replicas' lag is known. Throws ShardUnavailableError.
   */
  next(): EndpointPool {
    const now = this.#options.clock.now()
    this.#watch?.noteUse(now)
    const replica = this.#choice.next(now)
    if (replica !== undefined) return replica.open()
    if (!this.#mayUsePrimary) throw this.#refusal(now)
    return this.#options.open(this.#options.shard.primary)
  }

  /** Whether the next read would be the primary's. Leaves the turns as they are. */
  get usesPrimary(): boolean {
    const now = this.#options.clock.now()
    return this.#mayUsePrimary && !this.#choice.candidates.some((replica) => replica.serves(now))
  }

  /** For leases that {@link next} has led here: another replica, or who serves in their place. */
  readonly reroute: Reroute = (tried, error) => {
    const { shard, clock } = this.#options
    if (!(error instanceof ShardUnavailableError || error instanceof CircuitOpenError)) return undefined
    // Whoever writes in a scope inside may be on the same lease.
    if (tried.some(({ id }) => id === shard.primary.id)) return undefined
    const replica = this.#untried(tried, clock.now())
    if (replica === undefined && !this.#mayUsePrimary) return undefined
    return this.#sourceOf(replica?.endpoint ?? shard.primary)
  }

  status(endpoint: Endpoint): ReplicaStatus | undefined {
    const replica = this.find(endpoint)
    const status = replica?.status(this.#options.clock.now())
    const hasTurns = replica !== undefined && this.#choice.candidates.includes(replica)
    return status && { ...status, isAdmitted: status.isAdmitted && hasTurns }
  }

  /** Looks after nothing any more. */
  stop(): void {
    this.#watch?.stop()
  }

  #untried(tried: readonly LeaseSource[], now: number): Replica | undefined {
    const isUntried = (replica: Replica) => tried.every(({ id }) => id !== replica.endpoint.id)
    const next = this.#choice.next(now)
    if (next === undefined || isUntried(next)) return next
    return this.#choice.candidates.find((replica) => isUntried(replica) && replica.serves(now))
  }

  #sourceOf(endpoint: Endpoint): LeaseSource | undefined {
    try {
      return this.#options.open(endpoint).source
    } catch {
      // It is no part of the configuration any more, or cannot be used: what the lease was told first says more.
      return undefined
    }
  }

  /** Who refuses reads does so for what is known of the replicas, not because it is not known yet. */
  get #mayUsePrimary(): boolean {
    const { whenNoReplica } = this.#options.shard.config.reading
    return whenNoReplica === 'primary' || this.#choice.candidates.some(({ isUnmeasured }) => isUnmeasured)
  }

  #refusal(now: number): ShardUnavailableError {
    const { shard, random } = this.#options
    const faults = this.#replicas.map((replica) => {
      return `${replica.endpoint.id} ${replica.status(now).fault ?? 'has the weight 0'}`
    })
    return new ShardUnavailableError(
      `No replica of shard "${shard.name}" takes reads (${faults.join(', ')}), and the primary does not either: ` +
        'reading.whenNoReplica is refuse.',
      { shard: shard.name, retryAfter: retryAfterSeconds(RETRY_AFTER_MS, random) },
    )
  }
}
