import { describe, expect, test } from 'vitest'
import { CheckoutTimeoutError, PoolOverloadedError } from '../../src/errors.ts'
import { Shedding } from '../../src/pool/shedding.ts'
import { Caller, callers } from '../support/caller.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import type { FakeResource } from '../support/fake-driver.ts'
import { poolOf } from '../support/pool-of.ts'

const TARGET_MS = 250
const INTERVAL_MS = 1000

describe('when a queue stands', () => {
  /** More come than are served, and not all of them in time. */
  const shedding = ({ came = 3, served = 2, inVain = 1 } = {}) => {
    const queue = new Shedding({ targetMs: 100, intervalMs: 1000 })
    const fill = () => {
      for (let count = 0; count < came; count++) queue.came()
      for (let count = 0; count < served; count++) queue.served()
      for (let count = 0; count < inVain; count++) queue.waitedInVain()
    }
    queue.restart(0)
    fill()
    return { queue, fill }
  }

  test('after an interval without a short wait, those are refused who waited for more than twice the target', () => {
    const { queue } = shedding()
    queue.note(101, 999)
    expect(queue.refuses(5000)).toBe(false)
    queue.note(300, 1000)
    expect(queue.refuses(201)).toBe(true)
    expect(queue.refuses(200)).toBe(false)
  })

  test('one short wait within the interval is enough to show that the queue drains', () => {
    const { queue } = shedding()
    for (const now of [100, 500, 998]) queue.note(5000, now)
    queue.note(100, 999)
    queue.note(5000, 1000)
    expect(queue.refuses(5000)).toBe(false)
  })

  test('nobody is refused as long as all are served in time', () => {
    const { queue } = shedding({ inVain: 0 })
    queue.note(5000, 999)
    queue.note(5000, 1000)
    expect(queue.refuses(5000)).toBe(false)
  })

  test('nobody is refused from a queue that shrinks by itself', () => {
    const { queue } = shedding({ came: 1, served: 2 })
    queue.note(5000, 999)
    queue.note(5000, 1000)
    expect(queue.refuses(5000)).toBe(false)
  })

  test('it ends with the first interval that has a short wait again', () => {
    const { queue, fill } = shedding()
    queue.note(101, 500)
    queue.note(150, 1000)
    fill()
    queue.note(100, 1999)
    expect(queue.refuses(500)).toBe(true)
    queue.note(101, 2000)
    expect(queue.refuses(500)).toBe(false)
  })

  test('it ends with the first interval in which nobody waited in vain', () => {
    const { queue } = shedding()
    queue.note(101, 500)
    queue.note(150, 1000)
    queue.came()
    queue.served()
    expect(queue.refuses(500)).toBe(true)
    queue.note(150, 2000)
    expect(queue.refuses(500)).toBe(false)
  })

  test('an interval in which nobody was served says nothing', () => {
    const { queue } = shedding({ served: 0 })
    queue.note(5000, 5000)
    expect(queue.refuses(5000)).toBe(false)
  })

  test('it ends when the queue was empty', () => {
    const { queue } = shedding()
    queue.note(101, 500)
    queue.note(101, 1000)
    expect(queue.refuses(500)).toBe(true)
    queue.restart(1500)
    expect(queue.refuses(500)).toBe(false)
  })
})

interface Refusal {
  readonly at: number
  readonly error: Error
  readonly waitedMs: number
}

/** Callers that come `perMs` to the millisecond for `ms`, each with a connection for `serviceMs` once served. */
class Load {
  readonly served: { readonly at: number; readonly waitedMs: number }[] = []
  readonly refused: Refusal[] = []
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
    const refuse = (error: Error) => {
      this.refused.push({ at: this.#clock.now(), error, waitedMs: this.#clock.now() - since })
    }
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
      await load.run(9000, factor * CAPACITY, () => new Caller(pool), SERVICE_MS)
      // Until the first has waited for checkoutTimeoutMs, and two intervals to see that the queue stands.
      const served = load.served.filter(({ at }) => at > 6000)
      expect(served.length).toBeGreaterThan(0.9 * 3000 * CAPACITY)
      expect(Math.max(...served.map(({ waitedMs }) => waitedMs))).toBeLessThanOrEqual(2 * TARGET_MS)
      expect(load.served.length).toBeGreaterThan(0.9 * 9000 * CAPACITY)
      const late = load.refused.filter(({ at }) => at > 6000)
      expect(late.every(({ error }) => error instanceof PoolOverloadedError)).toBe(true)
    },
  )

  test('fault 17: once the load is gone nobody is refused any more', async () => {
    const { pool, clock } = poolOf(LIMITS)
    const load = new Load(clock)
    await load.run(4000, 10 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    const shed = ({ error, waitedMs }: Refusal) => error instanceof PoolOverloadedError && waitedMs > 0
    expect(load.refused.some(shed)).toBe(true)
    await clock.advance(2000)
    const before = load.refused.length
    await load.run(3000, 0.8 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    expect(load.refused.length).toBe(before)
  })

  test('bursts that are served in time cost nobody his place', async () => {
    const { pool, clock } = poolOf(LIMITS)
    const load = new Load(clock)
    for (let burst = 0; burst < 5; burst++) {
      await load.run(1, 600, () => new Caller(pool), SERVICE_MS)
      await clock.advance(1900)
    }
    expect(load.refused).toEqual([])
    expect(load.served).toHaveLength(3000)
  })

  test('a queue that is long for minutes and in which all are served in time costs nobody his place', async () => {
    const { pool, clock } = poolOf({
      ...LIMITS,
      checkoutTimeoutMs: 30_000,
      shedTargetMs: 3750,
      maxWaiting: 10_000,
    })
    const load = new Load(clock)
    // Then it would take half a minute to work it off, and as many come as are served.
    await load.run(1, 20_000 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    await load.run(20_000, CAPACITY, () => new Caller(pool), SERVICE_MS)
    expect(load.refused).toEqual([])
  })

  test('a burst that is too much is served until its deadline', async () => {
    const { pool, clock } = poolOf({ ...LIMITS, maxWaiting: 100_000 })
    const load = new Load(clock)
    await load.run(2000, 3 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    await clock.advance(4000)
    expect(load.refused.every(({ error }) => error instanceof CheckoutTimeoutError)).toBe(true)
    // Those who came in the last third of a second are served until four seconds after the beginning.
    expect(Math.max(...load.served.map(({ at }) => at))).toBeGreaterThan(3900)
  })

  test('whoever said that he waits for longer than others is taken at his word', async () => {
    const { pool, clock } = poolOf({ ...LIMITS, maxWaiting: 100_000 })
    const [load, patient] = [new Load(clock), new Load(clock)]
    const jobs = patient.run(7000, CAPACITY / 20, () => new Caller(pool, 30_000), SERVICE_MS)
    await load.run(7000, 3 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    await jobs
    await clock.advance(10_000)
    expect(pool.counts.shedCount).toBeGreaterThan(0)
    expect(patient.refused).toEqual([])
  })

  test('the refusal says why, and what to change', async () => {
    const { pool, clock } = poolOf({ ...LIMITS, maxWaiting: 100_000 })
    const load = new Load(clock)
    await load.run(7000, 3 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    const error = load.refused.at(-1)?.error
    expect(error).toMatchObject({ shard: 'shard_0', statusCode: 503, retryable: true })
    expect(error?.message).toMatch(
      /nobody got a connection in less than 250 ms \(pool\.shedTargetMs\) for 1000 ms, and some got none/,
    )
  })

  test('those who are in a hurry themselves are no sign of a standing queue', async () => {
    const { pool, clock } = poolOf(LIMITS)
    const [load, hasty] = [new Load(clock), new Load(clock)]
    await load.run(1, 1000 * CAPACITY, () => new Caller(pool), SERVICE_MS)
    const hasted = hasty.run(4000, CAPACITY, () => new Caller(pool, 100), SERVICE_MS)
    await load.run(4000, CAPACITY, () => new Caller(pool), SERVICE_MS)
    await hasted
    expect(hasty.refused.length).toBeGreaterThan(100)
    expect(load.refused).toEqual([])
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
