import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Correlation } from '../../src/diagnostics/correlation.ts'
import type { LeaseLeakedMessage } from '../../src/diagnostics/lease-events.ts'
import { ScopeEndedError } from '../../src/errors.ts'
import { reportLeaked } from '../../src/pool/report-leaks.ts'
import { LeaseBench } from '../support/lease-bench.ts'
import { settled } from '../support/settled.ts'

const THRESHOLD_MS = 30_000
const ended = () => new ScopeEndedError('the function has settled')

function benchOf(max = 10): LeaseBench {
  return new LeaseBench({ max, leakThresholdMs: THRESHOLD_MS })
}

describe('L9: a lease that is held for too long', () => {
  test('is reported once, and again when it comes back, with the whole time', async () => {
    const bench = benchOf()
    const { clock, leaked, recovered } = bench
    const lease = await bench.heldLease()
    await clock.advance(THRESHOLD_MS - 1)
    expect(leaked).toEqual([])
    await clock.advance(1)
    expect(leaked).toEqual([{ lease, heldMs: THRESHOLD_MS, stack: expect.any(String) }])
    await clock.advance(5 * THRESHOLD_MS)
    expect(leaked).toHaveLength(1)
    expect(recovered).toEqual([])
    lease.end(ended)
    expect(recovered).toEqual([{ lease, heldMs: 6 * THRESHOLD_MS, stack: expect.any(String) }])
    expect(clock.deadlines.size).toBe(0)
  })

  test('is told from those that came and went, and from the younger ones', async () => {
    const bench = benchOf()
    const { clock, leaked, recovered } = bench
    const old = await bench.heldLease()
    for (let round = 0; round < 10; round++) {
      const short = await bench.heldLease()
      await clock.advance(1000)
      short.end(ended)
    }
    const young = await bench.heldLease()
    await clock.advance(THRESHOLD_MS - 10_000)
    expect(leaked.map(({ lease }) => lease)).toEqual([old])
    await clock.advance(10_000)
    expect(leaked.map(({ lease }) => lease)).toEqual([old, young])
    expect(recovered).toEqual([])
  })

  test('costs one deadline, however many there are', async () => {
    const bench = benchOf()
    const leases = await Promise.all(Array.from({ length: 10 }, () => bench.heldLease()))
    expect(bench.clock.deadlines.size).toBe(1)
    for (const lease of leases) lease.end(ended)
    await bench.clock.advance(THRESHOLD_MS)
    expect(bench.clock.deadlines.size).toBe(0)
    expect(bench.leaked).toEqual([])
  })

  test('counts anew each time the connection is taken', async () => {
    const bench = benchOf()
    const lease = await bench.heldLease()
    await bench.clock.advance(THRESHOLD_MS - 1)
    await lease.release(lease.root)
    await bench.clock.advance(10)
    await lease.checkout()
    await bench.clock.advance(THRESHOLD_MS - 1)
    expect(bench.leaked).toEqual([])
  })

  test('has its place recorded for one in a hundred, and for all once there was a leak', async () => {
    const bench = benchOf(200)
    const leases = await Promise.all(Array.from({ length: 150 }, () => bench.heldLease()))
    await bench.clock.advance(THRESHOLD_MS)
    expect(bench.leaked.filter(({ stack }) => stack !== undefined)).toHaveLength(2)
    const next = await bench.heldLease()
    await bench.clock.advance(THRESHOLD_MS)
    expect(bench.leaked.at(-1)).toMatchObject({
      lease: next,
      stack: expect.stringContaining('lease-holders.test'),
    })
    for (const lease of [...leases, next]) lease.end(ended)
    expect(bench.recovered).toHaveLength(151)
  })

  test('is not looked for with leakThresholdMs: null', async () => {
    const bench = new LeaseBench()
    await bench.heldLease()
    expect(bench.clock.deadlines.size).toBe(0)
  })
})

describe('L9: who is told', () => {
  const leaked = (holder: string): LeaseLeakedMessage => ({
    sharding: 'sharding-0',
    shard: 'shard_9',
    endpoint: 'shard_9',
    kind: 'primary',
    role: 'writing',
    lease: 1,
    correlation: new Correlation(),
    holder,
    heldMs: 31_000,
    stack: 'at somewhere',
  })

  function warnings(): (Error & { code?: string })[] {
    const seen: Error[] = []
    const listener = (warning: Error) => seen.push(warning)
    process.on('warning', listener)
    onTestFinished(() => void process.off('warning', listener))
    return seen
  }

  test('a warning of the process where nobody listens, once for each holder', async () => {
    const seen = warnings()
    for (const name of ['GET /a', 'GET /a', 'GET /b']) reportLeaked(leaked(name))
    await settled()
    expect(seen.map(({ code }) => code)).toEqual(['SHERD_LEASE_LEAKED', 'SHERD_LEASE_LEAKED'])
    expect(seen[0]?.message).toContain('"shard_9" (writing) has been held for 31000 ms by GET /a')
  })

  test('whoever listens, and then nobody is warned', async () => {
    const seen = warnings()
    const messages: unknown[] = []
    const listener = (message: unknown) => messages.push(message)
    subscribe('sherd:lease:leaked', listener)
    onTestFinished(() => void unsubscribe('sherd:lease:leaked', listener))
    const message = leaked('GET /c')
    reportLeaked(message)
    await settled()
    expect(seen).toEqual([])
    expect(messages).toEqual([message])
  })
})
