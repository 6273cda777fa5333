import type { BreakerStateName } from '../breaker/circuit-breaker.ts'
import type { ReadingConfig } from '../config/resolved-config.ts'
import type { ReplicaFault } from '../diagnostics/replica-events.ts'
import type { Role } from '../pool/pool-registry.ts'
import { addPoolStats, type PoolStats } from '../pool/pool-stats.ts'
import type { ProbeOutcome } from '../pool/probe-outcome.ts'
import type { ReplicaStatus } from '../pool/replica-status.ts'
import type {
  HealthStatus,
  HealthThresholds,
  HealthWarning,
  HealthWarningCode,
  ShardHealth,
} from './health-report.ts'

/** What is known about one server of a shard. */
export interface EndpointView {
  readonly id: string
  readonly role: Role
  readonly pool: PoolStats
  readonly breaker: BreakerStateName
  /** Code of what opened the breaker. */
  readonly breakerCause: string | undefined
  /** What came of the last attempt to open a connection, as far as it still matters. */
  readonly connect: ConnectOutcome
  readonly probe: ProbeOutcome
  /** How it stands to the reads; undefined for a primary, and while nobody has read on a replica of the shard. */
  readonly replica: ReplicaStatus | undefined
  /** Whether nothing is lent any more. */
  readonly isDraining: boolean
}

export type ConnectOutcome =
  | { readonly kind: 'opened' }
  | { readonly kind: 'failed'; readonly cause: string | undefined }
  /** It led to a database that is not the shard's. */
  | { readonly kind: 'mistaken' }

const BREAKER_WARNINGS: Readonly<Record<BreakerStateName, [HealthWarningCode, string] | undefined>> = {
  closed: undefined,
  open: ['BREAKER_OPEN', 'the circuit breaker is open'],
  'half-open': ['BREAKER_HALF_OPEN', 'the circuit breaker is open, and a probe is under way'],
  isolated: ['ISOLATED', 'isolated by sharding.isolate()'],
}

/** The other faults of a replica are those of its server, and told as such. */
const LAG_WARNINGS: Readonly<Partial<Record<ReplicaFault, [HealthWarningCode, string]>>> = {
  lagging: ['REPLICA_LAGGING', 'takes no reads: it is further behind its primary than reading.maxLagMs'],
  unknown: ['REPLICA_LAG_UNKNOWN', 'takes no reads: how far behind its primary it is could not be found out'],
}

const WHY_SKIPPED = {
  'last connection': 'not asked, to leave the last connection to those who need it',
  'no time': 'not asked, for the time for all probes was over',
} as const

const ROLES: readonly Role[] = ['writing', 'reading']

/**
 * Judges a shard by what is known about its servers. One role that none of them serves makes it unhealthy; the primary
 * serves the reads where no replica does, unless `whenNoReplica` says otherwise.
 */
export function assessShard(
  endpoints: readonly EndpointView[],
  { utilization = 80, waiting = 0 }: HealthThresholds,
  whenNoReplica: ReadingConfig['whenNoReplica'] = 'primary',
  pendingMigrations = 0,
): ShardHealth {
  const byRole = ROLES.map((role) => ({
    role,
    servers: endpoints.filter((endpoint) => endpoint.role === role),
  }))
  const served = byRole.filter(({ servers }) => servers.length > 0)
  const warnings = endpoints.flatMap((endpoint) => [
    ...faults(endpoint),
    ...shortages(endpoint, { utilization, waiting }),
  ])
  const { id } = endpoints[0] as EndpointView
  const many = pendingMigrations === 1 ? 'a migration has' : `${pendingMigrations} migrations have`
  if (pendingMigrations > 0) warnings.push(warn(id, 'MIGRATIONS_PENDING', `${many} not run`))
  return {
    status: statusOf(
      served.some(({ role, servers }) => isRoleDown(role, servers, whenNoReplica)),
      warnings,
    ),
    responseTimeMs: slowest(endpoints),
    breaker: (endpoints[0] as EndpointView).breaker,
    pools: Object.fromEntries(
      served.map(({ role, servers }) => [role, servers.map(({ pool }) => pool).reduce(addPoolStats)]),
    ),
    warnings,
  }
}

function isRoleDown(
  role: Role,
  servers: readonly EndpointView[],
  whenNoReplica: ReadingConfig['whenNoReplica'],
): boolean {
  // Where the primary is down, too, that is said of its own role.
  if (role === 'reading' && whenNoReplica === 'primary') return false
  return servers.every((server) => isDown(server) || server.replica?.isAdmitted === false)
}

function statusOf(isRoleDown: boolean, warnings: readonly HealthWarning[]): HealthStatus {
  if (isRoleDown) return 'unhealthy'
  return warnings.some(({ code }) => code !== 'PROBE_SKIPPED') ? 'degraded' : 'healthy'
}

function isDown({ breaker, connect, probe, isDraining }: EndpointView): boolean {
  return breaker !== 'closed' || connect.kind === 'mistaken' || probe.kind === 'failed' || isDraining
}

function faults(view: EndpointView): HealthWarning[] {
  const { id, breaker, breakerCause, connect, probe, replica, isDraining } = view
  const found: HealthWarning[] = []
  if (isDraining) found.push(warn(id, 'DRAINING', 'lends nothing any more: sharding.close() was called'))
  const [code, message] = BREAKER_WARNINGS[breaker] ?? []
  if (code !== undefined) found.push(warn(id, code, message as string, breakerCause))
  if (connect.kind === 'mistaken')
    found.push(warn(id, 'IDENTITY_MISMATCH', 'its address leads to a database that is not its own'))
  if (probe.kind === 'failed') found.push(warn(id, 'PROBE_FAILED', 'the probe failed', probe.cause))
  else if (connect.kind === 'failed' && breaker === 'closed')
    found.push(warn(id, 'CONNECT_FAILED', 'the last attempt to open a connection failed', connect.cause))
  const [lagCode, lagMessage] = (replica?.fault && LAG_WARNINGS[replica.fault]) ?? []
  if (lagCode !== undefined) found.push(warn(id, lagCode, lagMessage as string))
  if (probe.kind === 'skipped') found.push(warn(id, 'PROBE_SKIPPED', WHY_SKIPPED[probe.reason]))
  return found
}

function shortages(
  { id, pool }: EndpointView,
  { utilization, waiting }: Required<HealthThresholds>,
): HealthWarning[] {
  const found: HealthWarning[] = []
  if (pool.active >= pool.max) found.push(warn(id, 'NONE_AVAILABLE', 'no available connections'))
  if (pool.utilization > utilization)
    found.push(warn(id, 'UTILIZATION_HIGH', `${pool.utilization} % of ${pool.max} connections in use`))
  if (pool.waiting > waiting) found.push(warn(id, 'WAITING', `${pool.waiting} callers wait for a connection`))
  return found
}

function warn(endpoint: string, code: HealthWarningCode, message: string, cause?: string): HealthWarning {
  return { code, endpoint, message: `${endpoint}: ${message}`, ...(cause === undefined ? {} : { cause }) }
}

function slowest(endpoints: readonly EndpointView[]): number | null {
  const times = endpoints.flatMap(({ probe }) => (probe.kind === 'answered' ? [probe.responseTimeMs] : []))
  return times.length === 0 ? null : Math.round(Math.max(...times) * 100) / 100
}
