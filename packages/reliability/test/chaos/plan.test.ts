import { expect, test } from 'vitest'
import { plannedFaults, shardsHitBy } from '../../src/chaos/plan/planned-faults.ts'
import { plannedRequest } from '../../src/chaos/plan/planned-request.ts'

const requests = (seed: number, count = 10_000) =>
  Array.from({ length: count }, (_, id) => plannedRequest(seed, id))

test('the same seed plans the same requests and faults, another seed others', () => {
  const faults = (seed: number) => plannedFaults(seed, { requests: 10_000, count: 50 })
  expect(requests(7, 500)).toEqual(requests(7, 500))
  expect(requests(7, 500)).not.toEqual(requests(8, 500))
  expect(faults(7)).toEqual(faults(7))
  expect(faults(7)).not.toEqual(faults(8))
})

test('about three of ten clients leave early, about one query of twenty is slow, every tenant comes', () => {
  const all = requests(7)
  const share = (matches: (request: (typeof all)[number]) => boolean) =>
    all.filter(matches).length / all.length
  expect(share(({ abort }) => abort !== null)).toBeCloseTo(0.3, 1)
  expect(share(({ kind }) => kind === 'slow')).toBeGreaterThan(0.04)
  expect(share(({ framework }) => framework === 'fastify')).toBeCloseTo(0.5, 1)
  expect(new Set(all.map(({ tenant }) => tenant)).size).toBe(1000)
  expect(new Set(all.map(({ kind }) => kind)).size).toBe(14)
})

test('faults come in order, of every kind, on every shard, and none at the end', () => {
  const faults = plannedFaults(7, { requests: 100_000, count: 200 })
  const instants = faults.map(({ atRequest }) => atRequest)
  expect(instants).toEqual([...instants].sort((a, b) => a - b))
  expect(Math.max(...instants)).toBeLessThan(90_000)
  expect(new Set(faults.map(({ fault }) => fault.kind)).size).toBe(6)
  expect(new Set(faults.flatMap(({ fault }) => shardsHitBy(fault))).size).toBe(8)
})
