import { defaultSharding } from '../default-sharding.ts'
import { type HealthOptions, healthPlan } from '../health/health-options.ts'
import type { HealthReport } from '../health/health-report.ts'
import { currentScope, releaseConnection } from '../scope/current-scope.ts'
import { partsOf, type Sharding } from '../sharding.ts'
import type { Answer } from './answer.ts'

export interface ReadinessOptions {
  /** @default the default Sharding, at the time of the request */
  readonly sharding?: Sharding
}

export interface ShardHealthOptions extends HealthOptions, ReadinessOptions {
  /** Say with each warning the code of what failed, such as `ECONNREFUSED`; never its text. @default false */
  readonly details?: boolean
}

/** Answers one request for a check. */
export type Check = () => Promise<Answer>

/**
 * `sharding.health()`: 503 when it is unhealthy, else 200. For people and for monitoring, not for readiness: one dead
 * shard of many makes it 503.
 *
 * @throws TypeError for options that make no sense
 */
export function healthCheck(options: ShardHealthOptions = {}): Check {
  const { sharding, details = false, ...health } = options
  healthPlan(health)
  return async () => {
    await holdNothing()
    const report = await (sharding ?? defaultSharding()).health(health)
    return answer(report.status === 'unhealthy' ? 503 : 200, details ? report : withoutCauses(report))
  }
}

/** 200 for as long as the process answers at all. Knows no database: to restart a process mends none. */
export function livenessCheck(): Check {
  return async () => answer(200, { status: 'alive' })
}

/**
 * 503 once the server or the Sharding is shutting down, and while not one shard could be served; else 200. One dead
 * shard of many is no reason: its tenants would get 503 from another process just as well.
 */
export function readinessCheck(options: ReadinessOptions = {}): Check {
  return async () => {
    await holdNothing()
    const sharding = options.sharding ?? defaultSharding()
    const { isLeaving, pools } = partsOf(sharding)
    if (isLeaving || pools.isClosed) return answer(503, { status: 'not ready', reason: 'shutting down' })
    const isServing = servesAny(await sharding.health()) || servesAny(await sharding.health({ probe: true }))
    return isServing
      ? answer(200, { status: 'ready' })
      : answer(503, { status: 'not ready', reason: 'no shard is healthy' })
  }
}

function servesAny({ shards }: HealthReport): boolean {
  return Object.values(shards).some(({ status }) => status !== 'unhealthy')
}

function withoutCauses(report: HealthReport): HealthReport {
  const shards = Object.entries(report.shards).map(([name, shard]) => {
    const warnings = shard.warnings.map(({ cause: _, ...warning }) => warning)
    return [name, { ...shard, warnings }] as const
  })
  return { ...report, shards: Object.fromEntries(shards) }
}

/** Behind the middleware a request of a tenant has a connection by now, of which a check has no use. */
async function holdNothing(): Promise<void> {
  if (currentScope() !== undefined) await releaseConnection()
}

function answer(status: number, body: object): Answer {
  return { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' }, body }
}
