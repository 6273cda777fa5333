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

/** In real time, and for nothing else in the process. */
function standStill(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

test('fault 25: what is answered after the event loop stood still is not too late', async () => {
  vi.useRealTimers()
  const answer = new Promise((resolve) => setTimeout(resolve, 30, 'answered'))
  const result = within(20, answer)
  standStill(100)
  await expect(result).resolves.toBe('answered')
})

test('fault 25: what is not answered after the event loop stood still is given up', async () => {
  vi.useRealTimers()
  const result = within(20, new Promise(() => {}))
  standStill(100)
  await expect(result).rejects.toThrow('took longer than 20 ms')
})
