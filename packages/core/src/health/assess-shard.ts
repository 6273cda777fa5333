import type { BreakerStateName } from '../breaker/circuit-breaker.ts'
import type { Role } from '../pool/pool-registry.ts'
import { addPoolStats, type PoolStats } from '../pool/pool-stats.ts'
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
  /** Whether the last connection that was opened led to another database. */
  readonly isMistaken: boolean
  readonly probe: ProbeOutcome
}

export type ProbeOutcome =
  | { readonly kind: 'answered'; readonly responseTimeMs: number }
  | { readonly kind: 'failed' }
  /** It would have taken the last connection. */
  | { readonly kind: 'skipped' }
  /** Nobody asked for one, or the server counts as down already. */
  | { readonly kind: 'none' }

const BREAKER_WARNINGS: Readonly<Record<BreakerStateName, [HealthWarningCode, string] | undefined>> = {
  closed: undefined,
  open: ['BREAKER_OPEN', 'the circuit breaker is open'],
  'half-open': ['BREAKER_HALF_OPEN', 'the circuit breaker is open, and a probe is under way'],
  isolated: ['ISOLATED', 'isolated by sharding.isolate()'],
}

const ROLES: readonly Role[] = ['writing', 'reading']

/** Judges a shard by what is known about its servers. One role that none of them serves makes it unhealthy. */
export function assessShard(
  endpoints: readonly EndpointView[],
  { utilization = 80, waiting = 0 }: HealthThresholds,
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
  return {
    status: statusOf(
      served.some(({ servers }) => servers.every(isDown)),
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

function statusOf(isRoleDown: boolean, warnings: readonly HealthWarning[]): HealthStatus {
  if (isRoleDown) return 'unhealthy'
  return warnings.some(({ code }) => code !== 'PROBE_SKIPPED') ? 'degraded' : 'healthy'
}

function isDown(endpoint: EndpointView): boolean {
  return endpoint.breaker !== 'closed' || endpoint.isMistaken || endpoint.probe.kind === 'failed'
}

function faults({ id, breaker, isMistaken, probe }: EndpointView): HealthWarning[] {
  const found: HealthWarning[] = []
  const [code, message] = BREAKER_WARNINGS[breaker] ?? []
  if (code !== undefined) found.push(warn(id, code, message as string))
  if (isMistaken)
    found.push(warn(id, 'IDENTITY_MISMATCH', 'its address leads to a database that is not its own'))
  if (probe.kind === 'failed') found.push(warn(id, 'PROBE_FAILED', 'no answer to the probe in time'))
  if (probe.kind === 'skipped')
    found.push(warn(id, 'PROBE_SKIPPED', 'not asked, to leave the last connection free'))
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

function warn(endpoint: string, code: HealthWarningCode, message: string): HealthWarning {
  return { code, endpoint, message: `${endpoint}: ${message}` }
}

function slowest(endpoints: readonly EndpointView[]): number | null {
  const times = endpoints.flatMap(({ probe }) => (probe.kind === 'answered' ? [probe.responseTimeMs] : []))
  return times.length === 0 ? null : Math.max(...times)
}
