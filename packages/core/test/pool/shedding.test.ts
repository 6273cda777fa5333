import { describe, expect, test } from 'vitest'
import { PoolOverloadedError } from '../../src/errors.ts'
import { Shedding } from '../../src/pool/shedding.ts'
import { Caller, callers } from '../support/caller.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import type { FakeResource } from '../support/fake-driver.ts'
import { poolOf } from '../support/pool-of.ts'

const TARGET_MS = 250
const INTERVAL_MS = 1000

describe('when a queue stands', () => {
  const shedding = () => {
    const all = new Shedding({ targetMs: 100, intervalMs: 1000 })
    all.restart(0)
    return all
  }

  test('one short wait within the interval is enough to show that the queue drains', () => {
    const codel = shedding()
    for (const now of [100, 500, 998]) codel.note(5000, now)
    codel.note(100, 999)
    codel.note(5000, 1000)
    expect(codel.refuses(5000)).toBe(false)
  })

  test('after an interval without one, those are refused who waited for more than twice the target', () => {
    const codel = shedding()
    codel.note(101, 999)
    expect(codel.refuses(5000)).toBe(false)
    codel.note(300, 1000)
    expect(codel.refuses(201)).toBe(true)
    expect(codel.refuses(200)).toBe(false)
  })

  test('it ends with the first interval that has a short wait again', () => {
    const codel = shedding()
    codel.note(101, 500)
    codel.note(150, 1000)
    codel.note(100, 1999)
    expect(codel.refuses(500)).toBe(true)
    codel.note(101, 2000)
    expect(codel.refuses(500)).toBe(false)
  })

  test('an interval in which nobody was served says nothing', () => {
    const codel = shedding()
    codel.note(5000, 5000)
    expect(codel.refuses(5000)).toBe(false)
  })

  test('it ends when the queue was empty', () => {
    const codel = shedding()
    codel.note(101, 500)
    codel.note(101, 1000)
    expect(codel.refuses(500)).toBe(true)
    codel.restart(1500)
    expect(codel.refuses(500)).toBe(false)
  })
})

/** Callers that come `perMs` to the millisecond for `ms`, each with a connection for `serviceMs` once served. */
class Load {
  readonly served: { readonly at: number; readonly waitedMs: number }[] = []
  readonly refused: { readonly error: Error; readonly waitedMs: number }[] = []
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  async run(ms: number, perMs: number, ask: () => Caller<FakeResource>, serviceMs: number): Promise<void> {
    let due = 0
    for (let passed = 0; passed < ms; passed++) {
      for (due += perMs; due >= 1; due--) this.#follow(ask, serviceMs)
      await this.#clock.advance(1)
    }
  }

  #follow(ask: () => Caller<FakeResource>, serviceMs: number): void {
    const since = this.#clock.now()
    const refuse = (error: Error) => this.refused.push({ error, waitedMs: this.#clock.now() - since })
    const serve = (caller: Caller<FakeResource>) => {
      this.served.push({ at: this.#clock.now(), waitedMs: this.#clock.now() - since })
      void this.#clock.sleep(serviceMs).then(() => caller.release())
    }
    try {
      const caller = ask()
      caller.end.then(() => serve(caller), refuse)
    } catch (error) {
      refuse(error as Error)
    }
  }
}

const LIMITS = { max: 10, shedTargetMs: TARGET_MS, shedIntervalMs: INTERVAL_MS, maxWaiting: 1000 }
const SERVICE_MS = 30
/** What the pool can serve in a millisecond. */
const CAPACITY = 10 / SERVICE_MS

describe('under load', () => {
  test.each([2, 5, 10])(
    'fault 17: at %i times its capacity a pool goes on serving, and whoever is served has not waited for long',
    async (factor) => {
      const { pool, clock } = poolOf(LIMITS)
      const load = new Load(clock)
      await load.run(6000, factor * CAPACITY, () => new Caller(pool), SERVICE_MS)
      // What it takes to see that the queue stands.
      const served = load.served.filter(({ at }) => at > 2500)
      expect(served.length).toBeGreaterThan(0.9 * 3500 * CAPACITY)
      expect(Math.max(...served.map(({ waitedMs }) => waitedMs))).toBeLessThanOrEqual(2 * TARGET_MS)
      expect(load.refused.every(({ error }) => error instanceof PoolOverloadedError)).toBe(true)
      expect(pool.counts.shedCount).toBe(load.refused.length)
    },
  )

  test('fault 17: once the load is gone nobody is refused any more', async () => {
    const { pool, clock } = poolOf(LIMITS)
    const load = new Load(clock)
    await load.run(4000, 10 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    expect(load.refused.length).toBeGreaterThan(0)
    await clock.advance(2000)
    const before = load.refused.length
    await load.run(3000, 0.8 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    expect(load.refused.length).toBe(before)
  })

  test('a burst that drains costs nobody his place', async () => {
    const { pool, clock } = poolOf(LIMITS)
    const load = new Load(clock)
    for (let burst = 0; burst < 5; burst++) {
      await load.run(1, 300, () => new Caller(pool), SERVICE_MS)
      await clock.advance(1500)
    }
    expect(load.refused).toEqual([])
    expect(load.served).toHaveLength(1500)
  })

  test('whoever said that he waits for longer than others is taken at his word', async () => {
    const { pool, clock } = poolOf({ ...LIMITS, maxWaiting: 100_000 })
    const [load, patient] = [new Load(clock), new Load(clock)]
    const jobs = patient.run(4000, CAPACITY / 20, () => new Caller(pool, 30_000), SERVICE_MS)
    await load.run(4000, 3 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    await jobs
    await clock.advance(10_000)
    expect(patient.refused).toEqual([])
  })

  test('the refusal says why, and what to change', async () => {
    const { pool, clock } = poolOf({ ...LIMITS, maxWaiting: 100_000 })
    const load = new Load(clock)
    await load.run(3000, 3 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    const error = load.refused[0]?.error
    expect(error).toMatchObject({ shard: 'shard_0', statusCode: 503, retryable: true })
    expect(error?.message).toMatch(
      /for 1000 ms nobody got a connection in less than 250 ms \(pool\.shedTargetMs\)/,
    )
  })

  test('a single slow holder is no standing queue', async () => {
    const { pool, clock } = poolOf({ ...LIMITS, max: 1 })
    const holder = new Caller(pool)
    await clock.advance(0)
    const waiting = callers(3, pool)
    await clock.advance(1900)
    holder.release()
    await clock.advance(0)
    for (const caller of waiting) {
      expect(caller.outcome).toBe('served')
      caller.release()
      await clock.advance(0)
    }
  })
})
