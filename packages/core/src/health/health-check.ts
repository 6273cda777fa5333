import { codeOf } from '../breaker/failure-codes.ts'
import { IdentityMismatchError } from '../errors.ts'
import type { EndpointPool } from '../pool/endpoint-pool.ts'
import type { KnownEndpoint, PoolRegistry } from '../pool/pool-registry.ts'
import type { PoolStats } from '../pool/pool-stats.ts'
import type { ProbeOutcome } from '../pool/probe-outcome.ts'
import type { Shard } from '../topology/topology.ts'
import type { Clock } from '../util/clock.ts'
import { assessShard, type ConnectOutcome, type EndpointView } from './assess-shard.ts'
import { type HealthOptions, healthPlan, type MigrationCheckLimits } from './health-options.ts'
import { type HealthReport, worst } from './health-report.ts'
import { type ProbeOutcomes, ProbeRounds } from './probe-rounds.ts'

/** For how long a failed attempt to connect says something, unless another one is made. */
const CONNECT_FAILURE_MS = 60_000

/** Who knows which migrations there are. */
export interface MigrationCheck {
  /**
   * How many have not run, by shard; those of which that could not be found out are left out. Rejects with TypeError when
   * the migrations themselves cannot be read.
   */
  pending(limits: Required<MigrationCheckLimits>): Promise<ReadonlyMap<string, number>>
}

const NONE: ProbeOutcome = { kind: 'none' }
const NOBODY: ProbeOutcomes = new Map()
const NOTHING: ReadonlyMap<string, number> = new Map()

/** How the servers of shards are, as far as their pools know, and if wanted as they say themselves. */
export class HealthCheck {
  readonly #pools: PoolRegistry
  readonly #clock: Clock
  readonly #rounds: ProbeRounds

  constructor(pools: PoolRegistry, clock: Clock) {
    this.#pools = pools
    this.#clock = clock
    this.#rounds = new ProbeRounds(clock)
  }

  /** Rejects with TypeError for options that make no sense. */
  async report(
    shards: Iterable<Shard>,
    check: MigrationCheck,
    options?: HealthOptions,
  ): Promise<HealthReport> {
    const { probe, migrations, thresholds } = healthPlan(options)
    const all = [...shards]
    const isOpen = !this.#pools.isClosed
    const [outcomes, pending] = await Promise.all([
      isOpen && probe !== null ? this.#rounds.outcomes(this.#servers(all), probe) : NOBODY,
      isOpen && migrations !== null ? check.pending(migrations) : NOTHING,
    ])
    const found = all.map((shard) => {
      const views = this.#pools.known(shard).map((known) => this.#view(known, outcomes))
      const { whenNoReplica } = shard.config.reading
      const assessed = assessShard(views, thresholds, whenNoReplica, pending.get(shard.name))
      return [shard.name, assessed] as const
    })
    return {
      status: worst(found.map(([, { status }]) => status)),
      checkedAt: new Date().toISOString(),
      shards: Object.fromEntries(found),
    }
  }

  #servers(shards: readonly Shard[]) {
    return shards.flatMap((shard) =>
      this.#pools.known(shard).map(({ endpoint, open }) => ({
        id: endpoint.id,
        probe: async (timeoutMs: number) => await this.#probe(open, timeoutMs),
      })),
    )
  }

  async #probe(open: () => EndpointPool, timeoutMs: number): Promise<ProbeOutcome> {
    try {
      const pool = open()
      // What is open already leads to the right one.
      const isNew = this.#connectOutcome(pool).kind === 'mistaken'
      return await pool.guarded.probe({ timeoutMs, isNew })
    } catch (error) {
      return { kind: 'failed', cause: codeOf(error) }
    }
  }

  #view(known: KnownEndpoint, outcomes: ProbeOutcomes): EndpointView {
    const { endpoint, pool, replica } = known
    const breaker = pool?.breaker.name ?? 'closed'
    return {
      id: endpoint.id,
      role: endpoint.kind === 'primary' ? 'writing' : 'reading',
      pool: poolStats(known),
      breaker,
      breakerCause: codeOf(pool?.breaker.cause),
      connect: this.#connectOutcome(pool),
      // What the breaker has found out is newer, or the same.
      probe: breaker === 'closed' ? (outcomes.get(endpoint.id) ?? NONE) : NONE,
      replica,
      isDraining: this.#pools.isClosed,
    }
  }

  #connectOutcome(pool: EndpointPool | undefined): ConnectOutcome {
    const failure = pool?.connectFailure
    if (failure === undefined) return { kind: 'opened' }
    if (failure.error instanceof IdentityMismatchError) return { kind: 'mistaken' }
    const isRecent = this.#clock.now() - failure.at < CONNECT_FAILURE_MS
    return isRecent ? { kind: 'failed', cause: codeOf(failure.error) } : { kind: 'opened' }
  }
}

function poolStats({ endpoint, pool }: KnownEndpoint): PoolStats {
  if (pool === undefined)
    return { total: 0, active: 0, idle: 0, waiting: 0, max: endpoint.pool.max, utilization: 0 }
  const { total, active, idle, waiting, max, utilization } = pool.pool.stats()
  return { total, active, idle, waiting, max, utilization }
}
