import type { HealthReport, HealthStatus, ShardingStats } from '@sherd/core'
import { check, UnexpectedError } from './check.ts'
import { printHealth, printShardStats } from './print.ts'
import type { Tour } from './visit.ts'

export interface ExpectedHealth {
  /** Of the answer. */
  readonly status: 200 | 503
  readonly health: HealthStatus
  /** The shards that are not healthy. */
  readonly unwell: Readonly<Record<string, HealthStatus>>
}

/** What somebody sees who asks at three in the morning. */
export async function lookAtHealth(tour: Tour, expected: ExpectedHealth): Promise<HealthReport> {
  const { status, body, ms } = await get<HealthReport>(tour, '/health/shards')
  printHealth({ path: '/health/shards', status, ms, report: body })
  check('The status of GET /health/shards', status, expected.status)
  check('The health of all', body.status, expected.health)
  const unwell = Object.entries(body.shards).filter(([, shard]) => shard.status !== 'healthy')
  check(
    'The shards that are not healthy',
    Object.fromEntries(unwell.map(([name, shard]) => [name, shard.status])),
    expected.unwell,
  )
  return body
}

export async function lookAtStats(
  tour: Tour,
  shard: string,
  expected: { active: number; waiting: number },
): Promise<void> {
  const { status, body, ms } = await get<ShardingStats>(tour, '/stats')
  const pool = body.shards[shard]?.writing
  if (pool === undefined) throw new UnexpectedError(`GET /stats has no shard "${shard}".`)
  printShardStats({ path: '/stats', status, ms, shard, pool })
  check('The status of GET /stats', status, 200)
  const { active, waiting } = pool
  check(`What ${shard} has in use and who waits`, { active, waiting }, expected)
}

async function get<T>({ url, signal }: Tour, path: string) {
  const start = performance.now()
  const response = await fetch(new URL(path, url), { signal })
  const body = (await response.json()) as T
  return { status: response.status, body, ms: performance.now() - start }
}
