import { describe, expect, test } from 'vitest'
import { PoolCounts } from '../../src/pool/pool-counts.ts'
import {
  type EndpointStats,
  roleStats,
  type StatsSource,
  unusedSource,
  utilization,
} from '../../src/pool/pool-stats.ts'
import { LatencyWindow } from '../../src/util/latency-window.ts'

const NONE = { count: 0, p50: 0, p95: 0, p99: 0, max: 0 }
const BREAKER = { state: 'closed', since: null } as const

function sourceOf(figures: Partial<EndpointStats>, waits: readonly number[] = []): StatsSource {
  const window = new LatencyWindow()
  for (const wait of waits) window.record(wait, 0)
  const { stats } = unusedSource('replica', 1)
  const checkoutWaitMs = window.summary(0)
  return { stats: { ...stats, checkoutWaitMs, ...figures }, waits: window, holds: new LatencyWindow() }
}

test('utilization is per cent with two decimals', () => {
  expect([utilization(0, 10), utilization(1, 3), utilization(2, 3), utilization(7, 7)]).toEqual([
    0, 33.33, 66.67, 100,
  ])
})

test('an endpoint that nobody has used has its places, and nothing else', () => {
  expect(unusedSource('primary', 5).stats).toEqual({
    total: 0,
    active: 0,
    idle: 0,
    waiting: 0,
    max: 5,
    utilization: 0,
    live: 0,
    checkoutWaitMs: NONE,
    heldMs: NONE,
    ...new PoolCounts(),
    kind: 'primary',
    breaker: BREAKER,
  })
})

describe('the figures of a role', () => {
  const busy = sourceOf(
    {
      ...{ total: 4, active: 4, idle: 0, waiting: 3, max: 4, utilization: 100, live: 5 },
      detachedCount: 2,
      closedCounts: { ...new PoolCounts().closedCounts, idle: 2, lost: 1 },
    },
    [1, 1, 1, 100],
  )
  const quiet = sourceOf({
    ...{ total: 3, active: 1, idle: 2, waiting: 0, max: 8, utilization: 12.5, live: 3 },
    detachedCount: 1,
    closedCounts: { ...new PoolCounts().closedCounts, idle: 3 },
  })
  const endpoints = new Map([
    ['a', busy],
    ['b', quiet],
  ])
  const stats = roleStats(endpoints, 0)

  test('add up, and utilization is that of all places', () => {
    expect(stats).toMatchObject({
      ...{ total: 7, active: 5, idle: 2, waiting: 3, max: 12, utilization: 41.67, live: 8 },
      detachedCount: 3,
      checkoutCount: 0,
      closedCounts: { idle: 5, lost: 1, dead: 0 },
    })
    expect(roleStats(new Map([...endpoints].slice(0, 1)), 0).utilization).toBe(100)
  })

  test('have the times of all in one, and leave each its own', () => {
    expect(stats.checkoutWaitMs).toMatchObject({ count: 4, max: 100 })
    expect(stats.checkoutWaitMs.p50).toBeCloseTo(1, 1)
    expect(stats.endpoints['b']?.checkoutWaitMs).toEqual(NONE)
    expect(Object.keys(stats.endpoints)).toEqual(['a', 'b'])
  })

  test('are no part of what they are made of', () => {
    expect(roleStats(endpoints, 0).closedCounts).toEqual(stats.closedCounts)
    expect(busy.stats.closedCounts.idle).toBe(2)
  })
})
