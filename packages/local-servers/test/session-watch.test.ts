import { expect, test } from 'vitest'
import { SessionWatch } from '../src/session-watch.ts'

/** What a server shows, reading by reading; the last is shown again and again. */
async function watched(...readings: number[][]): Promise<number> {
  let next = 0
  const watch = new SessionWatch(async () => {
    await new Promise((resolve) => setImmediate(resolve))
    return readings[Math.min(next++, readings.length - 1)] ?? []
  })
  while (next < readings.length) await new Promise((resolve) => setImmediate(resolve))
  const { most, readings: count } = await watch.stop()
  expect(count).toBeGreaterThanOrEqual(readings.length)
  return most
}

test('sessions count once they are in two readings in a row', async () => {
  await expect(watched([1, 2], [1, 2, 3], [2, 3])).resolves.toBe(2)
  await expect(watched([1, 2, 3], [1, 2, 3], [])).resolves.toBe(3)
})

test('one that has ended and one that has taken its place do not count together', async () => {
  await expect(watched([1, 2], [1, 2, 3], [1, 3], [1, 3])).resolves.toBe(2)
})

test('what cannot be read is told', async () => {
  const watch = new SessionWatch(() => Promise.reject(new Error('gone')))
  await expect(watch.stop()).rejects.toThrow('gone')
})
