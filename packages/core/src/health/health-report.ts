import type { BreakerStateName } from '../breaker/circuit-breaker.ts'
import type { Role } from '../pool/pool-registry.ts'
import type { PoolStats } from '../pool/pool-stats.ts'

/**
 * - `healthy`: serves, and has room.
 * - `degraded`: serves, and something calls for attention: its warnings say what.
 * - `unhealthy`: cannot serve one of its roles.
 */
export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy'

/** How `sharding.health()` found the shards. Holds no secret, and codes of errors in place of their texts. */
export interface HealthReport {
  /** That of the worst shard. */
  readonly status: HealthStatus
  /** ISO 8601, UTC. */
  readonly checkedAt: string
  /** By name, in the order of the configuration. */
  readonly shards: Readonly<Record<string, ShardHealth>>
}

export interface ShardHealth {
  readonly status: HealthStatus
  /** Milliseconds that its slowest server took to answer the probe; null without an answer. */
  readonly responseTimeMs: number | null
  /** Of the primary. */
  readonly breaker: BreakerStateName
  /** A shard without replicas serves both roles from one pool, which stands under `writing` alone. */
  readonly pools: Readonly<Partial<Record<Role, PoolStats>>>
  readonly warnings: readonly HealthWarning[]
}

/**
 * - `UTILIZATION_HIGH`: more of a pool is in use than the threshold.
 * - `NONE_AVAILABLE`: all connections that a pool may have are in use.
 * - `WAITING`: more callers wait for a connection than the threshold.
 * - `BREAKER_OPEN`, `BREAKER_HALF_OPEN`: the server counts as down; in the second case it is being asked just now.
 * - `ISOLATED`: taken out of service by `sharding.isolate()`.
 * - `PROBE_FAILED`: the server did not answer the probe within its time.
 * - `PROBE_SKIPPED`: nothing was asked, so as not to take the last connection of the pool or of those that pools share, or
 *   because the time for all probes was over. Harmless.
 * - `CONNECT_FAILED`: the last attempt to open a connection has failed, less than a minute ago.
 * - `IDENTITY_MISMATCH`: the address leads to another database than the shard's.
 * - `REPLICA_LAGGING`: a replica is further behind its primary than `reading.maxLagMs`, and takes no reads.
 * - `REPLICA_LAG_UNKNOWN`: how far behind it is could not be found out, so that it takes none either.
 * - `DRAINING`: nothing is lent any more, for `sharding.close()` has been called.
 * - `MIGRATIONS_PENDING`: migrations that this process knows have not run on the shard.
 */
export type HealthWarningCode =
  | 'UTILIZATION_HIGH'
  | 'NONE_AVAILABLE'
  | 'WAITING'
  | 'BREAKER_OPEN'
  | 'BREAKER_HALF_OPEN'
  | 'ISOLATED'
  | 'PROBE_FAILED'
  | 'PROBE_SKIPPED'
  | 'CONNECT_FAILED'
  | 'IDENTITY_MISMATCH'
  | 'REPLICA_LAGGING'
  | 'REPLICA_LAG_UNKNOWN'
  | 'DRAINING'
  | 'MIGRATIONS_PENDING'

export interface HealthWarning {
  readonly code: HealthWarningCode
  /** Which server: `shard_0`, or `shard_0/replica-0`. */
  readonly endpoint: string
  /** One line for people. */
  readonly message: string
  /** Code of what failed, such as `ECONNREFUSED`, where something did and has one. */
  readonly cause?: string
}

/** From when on a pool calls for attention. */
export interface HealthThresholds {
  /** In per cent of `pool.max`. @default 80 */
  readonly utilization?: number
  /** Callers that may wait before it is a warning. @default 0 */
  readonly waiting?: number
}

const RANK: Readonly<Record<HealthStatus, number>> = { healthy: 0, degraded: 1, unhealthy: 2 }

export function worst(statuses: Iterable<HealthStatus>): HealthStatus {
  let found: HealthStatus = 'healthy'
  for (const status of statuses) if (RANK[status] > RANK[found]) found = status
  return found
}
