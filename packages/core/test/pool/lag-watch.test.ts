import { expect, test } from 'vitest'
import type { EndpointPool } from '../../src/pool/endpoint-pool.ts'
import type { ReplicaProgress } from '../../src/pool/engine.ts'
import { LagWatch } from '../../src/pool/lag-watch.ts'
import { Replica } from '../../src/pool/replica.ts'
import type { Endpoint } from '../../src/topology/topology.ts'
import { FakeClock } from '../support/fake-clock.ts'

const MAX_LAG_MS = 1000
const INTERVAL_MS = MAX_LAG_MS / 5
const ENDPOINT = { id: 'one/replica-0', shard: 'one', kind: 'replica' } as Endpoint

/** A primary and a replica that answer what the test says, at once; undefined where they are not asked. */
class Bench {
  readonly clock = new FakeClock()
  written: bigint | undefined = 0n
  progress: ReplicaProgress | undefined = { position: 0n, lagMs: undefined }
  askedCount = 0
  readonly replica = new Replica({
    sharding: 'sharding-0',
    endpoint: ENDPOINT,
    find: () => undefined,
    open: () => this.#answering(() => this.progress),
  })
  readonly watch = new LagWatch({
    replicas: [this.replica],
    openPrimary: () => this.#answering(() => this.written),
    maxLagMs: MAX_LAG_MS,
    clock: this.clock,
    deadlines: this.clock.deadlines,
  })

  constructor() {
    this.replica.maxLagMs = MAX_LAG_MS
  }

  /** For so long, in which somebody reads all the time. */
  async read(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= INTERVAL_MS) {
      this.watch.noteUse(this.clock.now())
      await this.clock.advance(Math.min(left, INTERVAL_MS))
    }
  }

  get status() {
    return this.replica.status(this.clock.now())
  }

  #answering(answer: () => unknown): EndpointPool {
    const ask = async () => {
      this.askedCount++
      return answer()
    }
    return { ask } as unknown as EndpointPool
  }
}

test('a replica is as far behind as the last moment whose writes it has, whatever is written since', async () => {
  const bench = new Bench()
  expect(bench.status).toMatchObject({ isAdmitted: false, fault: null })
  await bench.read(INTERVAL_MS)
  expect(bench.status).toMatchObject({ isAdmitted: true, fault: null })

  // The primary writes on, and the replica replays nothing.
  for (let written = 1n; written <= 4n; written++) {
    bench.written = written
    await bench.read(INTERVAL_MS)
  }
  const { lagMs } = bench.status
  expect(lagMs).toBeGreaterThanOrEqual(4 * INTERVAL_MS)
  expect(bench.status.isAdmitted).toBe(true)
  await bench.read(2 * INTERVAL_MS)
  expect(bench.status).toMatchObject({ isAdmitted: false, fault: 'lagging' })

  // It catches up to what was written two looks ago.
  bench.written = 6n
  await bench.read(2 * INTERVAL_MS)
  bench.written = 7n
  bench.progress = { position: 6n, lagMs: undefined }
  await bench.read(INTERVAL_MS)
  expect(bench.status.isAdmitted).toBe(true)
  expect(bench.status.lagMs).toBeGreaterThanOrEqual(INTERVAL_MS)
})

test('its own word counts only while nobody knows how far the primary is', async () => {
  const bench = new Bench()
  bench.written = 5n
  bench.progress = { position: 4n, lagMs: 0 }
  await bench.read(INTERVAL_MS)
  expect(bench.status).toMatchObject({ isAdmitted: false, fault: 'unknown' })
  bench.written = undefined
  await bench.read(INTERVAL_MS)
  expect(bench.status.isAdmitted).toBe(true)
})

test('what is not found out ages, and nothing is asked once nobody has read for long', async () => {
  const bench = new Bench()
  await bench.read(INTERVAL_MS)
  bench.progress = undefined
  await bench.read(2 * MAX_LAG_MS)
  expect(bench.status.fault).toBe('lagging')

  await bench.clock.advance(60_000)
  const { askedCount } = bench
  await bench.clock.advance(60_000)
  expect(bench.askedCount).toBe(askedCount)
  expect(bench.clock.deadlines.wakesAt).toBe(Number.POSITIVE_INFINITY)
  // After so long it is not far behind, but unknown.
  expect(bench.status).toMatchObject({ isAdmitted: false, fault: null })

  bench.progress = { position: 0n, lagMs: undefined }
  await bench.read(INTERVAL_MS)
  expect(bench.status.isAdmitted).toBe(true)
  bench.watch.stop()
  await bench.clock.advance(60_000)
  expect(bench.clock.deadlines.wakesAt).toBe(Number.POSITIVE_INFINITY)
})
