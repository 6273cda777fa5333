import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { within } from '../../src/util/within.ts'
import { deferred } from '../support/deferred.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('the outcome of a promise that settles in time is passed on, and no timer is left', async () => {
  await expect(within(100, Promise.resolve(5))).resolves.toBe(5)
  await expect(within(100, Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(vi.getTimerCount()).toBe(0)
})

test('what takes too long is refused, and what comes of it later is ignored', async () => {
  const { promise, reject } = deferred()
  const outcome = expect(within(100, promise)).rejects.toThrow('took longer than 100 ms')
  vi.advanceTimersByTime(100)
  await outcome
  reject(new Error('late'))
  await expect(promise).rejects.toThrow('late')
})
