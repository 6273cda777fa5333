import type { BreakerStateName } from '../diagnostics/breaker-events.ts'
import { type LatencySummary, LatencyWindow } from '../util/latency-window.ts'
import { PoolCounts } from './pool-counts.ts'
import type { ReplicaStatus } from './replica-status.ts'

/** What one pool holds at this moment. */
export interface PoolStats {
  /** Open connections: `active` and `idle` together. */
  readonly total: number
  /** Lent, or being brought back to the session's baseline after a lease. */
  readonly active: number
  /** Clean and free. */
  readonly idle: number
  /** Callers in the queue. */
  readonly waiting: number
  readonly max: number
  /** `active` of `max`, in per cent with two decimals. */
  readonly utilization: number
}

/** What a pool holds, and what has happened in it: counts since it was made, times of the last minute. */
export interface PoolFigures extends PoolStats, Readonly<Omit<PoolCounts, 'closedCounts'>> {
  readonly closedCounts: Readonly<PoolCounts['closedCounts']>
  /**
   * Connections that exist: opened and not yet closed. Those of `total`, and those that are just being closed; if it stays
   * above `total`, connections leak.
   */
  readonly live: number
  /** How long those who got a connection had waited for it; 0 for all to whom one was lent at once. */
  readonly checkoutWaitMs: LatencySummary
  /** How long connections were held that have come back. */
  readonly heldMs: LatencySummary
}

/** One server of a shard. */
export interface EndpointStats extends PoolFigures {
  readonly kind: 'primary' | 'replica'
  readonly breaker: BreakerStats
  /** How it stands to the reads: of a replica, once somebody has read on one of its shard. */
  readonly replica?: ReplicaStatus
  /** Who holds its connections, the oldest first. With `stats({ holders: true })` only. */
  readonly holders?: readonly HolderStats[]
}

export interface BreakerStats {
  readonly state: BreakerStateName
  /** ISO 8601, UTC; null when it has never been otherwise. */
  readonly since: string | null
}

export interface HolderStats {
  /** The route, such as `GET /projects/:id`, the job or the function; never a tenant. */
  readonly holder: string
  /** For how long it has held the connection. */
  readonly ageMs: number
}

/** All servers of a shard that serve a role, together and each. */
export interface RoleStats extends PoolFigures {
  /** By name: `shard_0`, `shard_0/replica-0`. */
  readonly endpoints: Readonly<Record<string, EndpointStats>>
}

export interface StatsOptions {
  /** Name those who hold connections. @default false */
  readonly holders?: boolean
}

/** What the figures of one server are made of. */
export interface StatsSource {
  readonly stats: EndpointStats
  readonly waits: LatencyWindow
  readonly holds: LatencyWindow
}

export function utilization(active: number, max: number): number {
  return Math.round((active / max) * 10_000) / 100
}

/** Of a server that nobody has asked for. */
export function unusedSource(kind: 'primary' | 'replica', max: number): StatsSource {
  const waits = new LatencyWindow()
  const none = waits.summary(0)
  const pool = { total: 0, active: 0, idle: 0, waiting: 0, max, utilization: 0, live: 0 }
  const stats = { ...pool, checkoutWaitMs: none, heldMs: none, ...copyOf(new PoolCounts()) }
  return { stats: { ...stats, kind, breaker: { state: 'closed', since: null } }, waits, holds: waits }
}

export function withReplica(source: StatsSource, replica: ReplicaStatus): StatsSource {
  return { ...source, stats: { ...source.stats, replica } }
}

export function copyOf(counts: PoolCounts): PoolCounts {
  return { ...counts, closedCounts: { ...counts.closedCounts } }
}

export function addPoolStats(a: PoolStats, b: PoolStats): PoolStats {
  const active = a.active + b.active
  const max = a.max + b.max
  return {
    total: a.total + b.total,
    active,
    idle: a.idle + b.idle,
    waiting: a.waiting + b.waiting,
    max,
    utilization: utilization(active, max),
  }
}

/** `sources` by the names of their servers. */
export function roleStats(sources: ReadonlyMap<string, StatsSource>, now: number): RoleStats {
  const all = [...sources.values()]
  const stats = all.map((source) => source.stats)
  const summary = (windows: readonly LatencyWindow[]) => LatencyWindow.summaryOf(windows, now)
  return {
    ...stats.map(poolStatsOf).reduce(addPoolStats),
    live: stats.reduce((sum, { live }) => sum + live, 0),
    checkoutWaitMs: summary(all.map(({ waits }) => waits)),
    heldMs: summary(all.map(({ holds }) => holds)),
    ...sumOfCounts(stats),
    endpoints: Object.fromEntries(Array.from(sources, ([id, source]) => [id, source.stats])),
  }
}

function poolStatsOf({ total, active, idle, waiting, max, utilization }: PoolStats): PoolStats {
  return { total, active, idle, waiting, max, utilization }
}

function sumOfCounts(stats: readonly PoolFigures[]): PoolCounts {
  const sum = new PoolCounts()
  for (const one of stats) {
    addInto(sum.closedCounts, one.closedCounts)
    const { closedCounts: _added, ...counts } = sum
    addInto(counts, one)
    Object.assign(sum, counts)
  }
  return copyOf(sum)
}

function addInto<T extends Record<keyof T, number>>(sum: T, more: Readonly<Record<keyof T, number>>): void {
  for (const key of Object.keys(sum) as (keyof T)[]) (sum[key] as number) += more[key]
}
