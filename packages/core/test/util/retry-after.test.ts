import fc from 'fast-check'
import { expect, test } from 'vitest'
import { retryAfterSeconds } from '../../src/util/retry-after.ts'

test('Retry-After is a whole number of seconds, between once and twice the base, and at least one', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 600_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (baseMs, random) => {
        const seconds = retryAfterSeconds(baseMs, () => random)
        expect(Number.isInteger(seconds)).toBe(true)
        expect(seconds).toBeGreaterThanOrEqual(Math.max(1, Math.floor(baseMs / 1000)))
        expect(seconds).toBeLessThanOrEqual(Math.max(1, Math.ceil((2 * baseMs) / 1000)))
      },
    ),
  )
})

test('the refused come back at different times', () => {
  const seconds = [0, 0.25, 0.5, 0.75].map((random) => retryAfterSeconds(10_000, () => random))
  expect(seconds).toEqual([10, 13, 15, 18])
})
