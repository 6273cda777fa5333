import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { CachedRouter } from '../../src/router/cached-router.ts'
import { StoppedClock } from './router-of.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heapUsed(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

test('a flood of unknown ids takes no memory', async () => {
  const cache = new CachedRouter(async () => undefined, {
    config: { max: 100, maxUnknown: 1000, ttlMs: 60_000, unknownTtlMs: 60_000 },
    clock: new StoppedClock(),
  })
  const flood = async (from: number, to: number) => {
    for (let id = from; id < to; id++) await cache.find(`flood-${id}`)
  }
  await flood(0, 10_000)
  const before = heapUsed()
  await flood(10_000, 110_000)
  // Kept, 100,000 ids with their entries would take ten times that.
  expect(heapUsed() - before).toBeLessThan(1_000_000)
})
