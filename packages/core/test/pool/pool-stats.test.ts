import { expect, test } from 'vitest'
import { addStats, type RoleStats, unusedStats, utilization } from '../../src/pool/pool-stats.ts'

test('utilization is per cent with two decimals', () => {
  expect([utilization(0, 10), utilization(1, 3), utilization(2, 3), utilization(7, 7)]).toEqual([
    0, 33.33, 66.67, 100,
  ])
})

test('an endpoint that nobody has used has its places, and nothing else', () => {
  expect(unusedStats(5)).toEqual({
    total: 0,
    active: 0,
    idle: 0,
    waiting: 0,
    max: 5,
    utilization: 0,
    detachedCount: 0,
  })
})

test('the numbers of several endpoints add up, and utilization is that of all their places', () => {
  const busy: RoleStats = {
    total: 4,
    active: 4,
    idle: 0,
    waiting: 3,
    max: 4,
    utilization: 100,
    detachedCount: 2,
  }
  const quiet: RoleStats = {
    total: 3,
    active: 1,
    idle: 2,
    waiting: 0,
    max: 8,
    utilization: 12.5,
    detachedCount: 1,
  }
  expect(addStats(busy, quiet)).toEqual({
    total: 7,
    active: 5,
    idle: 2,
    waiting: 3,
    max: 12,
    utilization: 41.67,
    detachedCount: 3,
  })
  expect(addStats(busy, unusedStats(4)).utilization).toBe(50)
})
