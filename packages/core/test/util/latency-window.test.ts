import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LatencyWindow } from '../../src/util/latency-window.ts'

const NONE = { count: 0, p50: 0, p95: 0, p99: 0, max: 0 }

test('nothing recorded comes to nothing', () => {
  expect(new LatencyWindow().summary(0)).toEqual(NONE)
})

test('percentiles are those of the durations, at most a sixteenth too high and never too low', () => {
  const durations = fc.array(fc.double({ min: 0, max: 2_000_000, noNaN: true }), { minLength: 1 })
  fc.assert(
    fc.property(durations, (values) => {
      const window = new LatencyWindow()
      for (const value of values) window.record(value, 5)
      const sorted = values.toSorted((a, b) => a - b)
      const { count, p50, p95, p99, max } = window.summary(5)
      expect(count).toBe(values.length)
      expect(max).toBe(sorted.at(-1))
      for (const [share, found] of [
        [0.5, p50],
        [0.95, p95],
        [0.99, p99],
      ] as const) {
        const exact = sorted[Math.ceil(values.length * share) - 1] as number
        // Half a microsecond for the rounding to whole ones.
        expect(found).toBeGreaterThanOrEqual(exact - 0.0005)
        expect(found).toBeLessThanOrEqual(exact * (1 + 1 / 16) + 0.001)
      }
    }),
  )
})

test('a duration counts for at least fifty seconds and never for more than a minute', () => {
  fc.assert(
    fc.property(fc.nat(200_000), fc.nat(120_000), (at, later) => {
      const window = new LatencyWindow()
      window.record(3, at)
      const { count } = window.summary(at + later)
      if (later <= 50_000) expect(count).toBe(1)
      if (later >= 60_000) expect(count).toBe(0)
    }),
  )
})

test('a slice that comes round again begins empty', () => {
  const window = new LatencyWindow()
  window.record(100, 1_000)
  window.record(1, 61_000)
  expect(window.summary(61_000)).toEqual({ count: 1, p50: 1, p95: 1, p99: 1, max: 1 })
})
