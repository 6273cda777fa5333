import { expect, test } from 'vitest'
import { assessShard, type EndpointView } from '../../src/health/assess-shard.ts'
import { worst } from '../../src/health/health-report.ts'

const POOL = { total: 2, active: 1, idle: 1, waiting: 0, max: 10, utilization: 10 }
const PRIMARY: EndpointView = {
  id: 'shard_0',
  role: 'writing',
  pool: POOL,
  breaker: 'closed',
  breakerCause: undefined,
  connect: { kind: 'opened' },
  probe: { kind: 'answered', responseTimeMs: 3 },
  replica: undefined,
  isDraining: false,
}
const REPLICA: EndpointView = { ...PRIMARY, id: 'shard_0/replica-0', role: 'reading' }
const OTHER: EndpointView = { ...REPLICA, id: 'shard_0/replica-1' }
const FULL = { total: 10, active: 10, idle: 0, waiting: 4, max: 10, utilization: 100 }

function judged(endpoints: readonly EndpointView[], thresholds = {}, whenNoReplica?: 'primary' | 'refuse') {
  const { status, warnings } = assessShard(endpoints, thresholds, whenNoReplica)
  return [status, ...warnings.map(({ code, endpoint }) => `${endpoint} ${code}`)]
}

test('a shard that serves and has room is healthy', () => {
  expect(assessShard([PRIMARY], {})).toEqual({
    status: 'healthy',
    responseTimeMs: 3,
    breaker: 'closed',
    pools: { writing: POOL },
    warnings: [],
  })
})

test('a saturated pool degrades its shard, and is named', () => {
  const { status, warnings } = assessShard([{ ...PRIMARY, pool: FULL }], {})
  expect(status).toBe('degraded')
  expect(warnings).toEqual([
    { code: 'NONE_AVAILABLE', endpoint: 'shard_0', message: 'shard_0: no available connections' },
    { code: 'UTILIZATION_HIGH', endpoint: 'shard_0', message: 'shard_0: 100 % of 10 connections in use' },
    { code: 'WAITING', endpoint: 'shard_0', message: 'shard_0: 4 callers wait for a connection' },
  ])
})

test('thresholds are limits that may be reached', () => {
  const pool = { ...POOL, active: 8, utilization: 80, waiting: 2 }
  expect(judged([{ ...PRIMARY, pool }], { utilization: 80, waiting: 2 })).toEqual(['healthy'])
  expect(judged([{ ...PRIMARY, pool }], { utilization: 79.99, waiting: 1 })).toEqual([
    'degraded',
    'shard_0 UTILIZATION_HIGH',
    'shard_0 WAITING',
  ])
})

test.each([
  [{ breaker: 'open', probe: { kind: 'none' } }, 'BREAKER_OPEN'],
  [{ breaker: 'half-open', probe: { kind: 'none' } }, 'BREAKER_HALF_OPEN'],
  [{ breaker: 'isolated', probe: { kind: 'none' } }, 'ISOLATED'],
  [{ connect: { kind: 'mistaken' }, probe: { kind: 'none' } }, 'IDENTITY_MISMATCH'],
  [{ probe: { kind: 'failed', cause: undefined } }, 'PROBE_FAILED'],
  [{ isDraining: true, probe: { kind: 'none' } }, 'DRAINING'],
] as const)('a primary that does not serve is unhealthy: %o', (fault, code) => {
  expect(judged([{ ...PRIMARY, ...fault }])).toEqual(['unhealthy', `shard_0 ${code}`])
  expect(judged([{ ...PRIMARY, ...fault }, REPLICA])).toEqual(['unhealthy', `shard_0 ${code}`])
})

test('one dead replica of several degrades; after the last one the primary serves its role, or nobody does', () => {
  const dead = { breaker: 'open', probe: { kind: 'none' } } as const
  expect(judged([PRIMARY, { ...REPLICA, ...dead }, OTHER])).toEqual([
    'degraded',
    'shard_0/replica-0 BREAKER_OPEN',
  ])
  const allDead = [PRIMARY, { ...REPLICA, ...dead }, { ...OTHER, ...dead }]
  expect(judged(allDead)[0]).toBe('degraded')
  expect(judged(allDead, {}, 'refuse')[0]).toBe('unhealthy')
  expect(judged([{ ...PRIMARY, ...dead }, REPLICA])[0]).toBe('unhealthy')
})

test.each([
  ['lagging', 'REPLICA_LAGGING'],
  ['unknown', 'REPLICA_LAG_UNKNOWN'],
] as const)(
  'a replica that takes no reads because it is %s degrades, and the primary is as it was',
  (fault, code) => {
    const replica = { isAdmitted: false, fault, lagMs: null, ejectedCount: 1 }
    expect(judged([PRIMARY, { ...REPLICA, replica }])).toEqual(['degraded', `shard_0/replica-0 ${code}`])
    expect(judged([PRIMARY, { ...REPLICA, replica }], {}, 'refuse')[0]).toBe('unhealthy')
  },
)

test('replicas of one role are added up, and the slowest answer counts', () => {
  const slow = { ...OTHER, probe: { kind: 'answered', responseTimeMs: 40 } } as const
  const { pools, responseTimeMs } = assessShard([PRIMARY, REPLICA, slow], {})
  expect(pools).toEqual({
    writing: POOL,
    reading: { total: 4, active: 2, idle: 2, waiting: 0, max: 20, utilization: 10 },
  })
  expect(responseTimeMs).toBe(40)
})

test('a probe that was not sent harms nothing', () => {
  for (const reason of ['last connection', 'no time'] as const) {
    const probe = { kind: 'skipped', reason } as const
    expect(judged([{ ...PRIMARY, probe }])).toEqual(['healthy', 'shard_0 PROBE_SKIPPED'])
  }
  expect(assessShard([{ ...PRIMARY, probe: { kind: 'none' } }], {}).responseTimeMs).toBeNull()
})

test('an attempt to connect that failed degrades, unless something worse is known', () => {
  const connect = { kind: 'failed', cause: '53300' } as const
  const { status, warnings } = assessShard([{ ...PRIMARY, connect, probe: { kind: 'none' } }], {})
  expect(status).toBe('degraded')
  expect(warnings).toMatchObject([{ code: 'CONNECT_FAILED', cause: '53300' }])
  expect(judged([{ ...PRIMARY, connect, breaker: 'open' }])).toEqual(['unhealthy', 'shard_0 BREAKER_OPEN'])
  const probe = { kind: 'failed', cause: '53300' } as const
  expect(judged([{ ...PRIMARY, connect, probe }])).toEqual(['unhealthy', 'shard_0 PROBE_FAILED'])
})

test('warnings carry the code of what failed, where there is one', () => {
  const [first] = assessShard([{ ...PRIMARY, breaker: 'open', breakerCause: 'ECONNREFUSED' }], {}).warnings
  expect(first).toMatchObject({ code: 'BREAKER_OPEN', cause: 'ECONNREFUSED' })
  const [second] = assessShard([{ ...PRIMARY, breaker: 'isolated' }], {}).warnings
  expect(second).not.toHaveProperty('cause')
})

test('the worst shard decides', () => {
  expect(worst([])).toBe('healthy')
  expect(worst(['healthy', 'degraded', 'healthy'])).toBe('degraded')
  expect(worst(['degraded', 'unhealthy', 'healthy'])).toBe('unhealthy')
})
