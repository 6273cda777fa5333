import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { ScopeEndedError } from '../../src/errors.ts'
import { LeaseBench } from '../support/lease-bench.ts'

setFlagsFromString('--expose-gc')
const collectAll: () => void = runInNewContext('gc')

const LEASES = 20_000
/** A lease with all that it is made of takes about as much; the pool's figures and the compiler take a part of it. */
const BYTES = 400

const ended = () => new ScopeEndedError('the function has settled')

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0
}

test('leases that have ended are found by young collections, also after a full one', async () => {
  const bench = new LeaseBench({ max: 5, leakThresholdMs: 30_000, queryTimeoutMs: 30_000 })
  async function use(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const lease = await bench.heldLease()
      await lease.run(lease.root, () => Promise.resolve())
      lease.end(ended)
    }
  }
  await use(LEASES / 10)
  const holder = await bench.heldLease()
  // What is there by now is old from here on: whatever it leads to later outlives young collections.
  collectAll()
  const before = oldBytes()
  await use(LEASES)
  expect((oldBytes() - before) / LEASES).toBeLessThan(BYTES)
  holder.end(ended)
})
