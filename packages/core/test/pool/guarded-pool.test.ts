import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BreakerConfig, PoolConfig } from '../../src/config/resolved-config.ts'
import { CircuitOpenError, PoolDrainingError } from '../../src/errors.ts'
import { EndpointEvents } from '../../src/pool/endpoint-events.ts'
import { GuardedPool } from '../../src/pool/guarded-pool.ts'
import { Caller, callers } from '../support/caller.ts'
import { errorOf } from '../support/error-of.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FakeDriver, type FakeDriverOptions, type FakeResource } from '../support/fake-driver.ts'
import { LIMITS } from '../support/pool-of.ts'
import { settled } from '../support/settled.ts'

const BREAKER: BreakerConfig = {
  failures: 5,
  failingMs: 1000,
  failurePercent: 50,
  minOutcomes: 20,
  windowMs: 10_000,
  probeIntervalMs: 900,
}

function guardedPool(
  limits: Partial<PoolConfig> = {},
  options: FakeDriverOptions = {},
  {
    breaker = BREAKER,
    random = () => 0.5,
    mayHedge = true,
  }: { breaker?: BreakerConfig; random?: () => number; mayHedge?: boolean } = {},
) {
  const clock = new FakeClock()
  const driver = new FakeDriver(options)
  const guarded = new GuardedPool({
    shard: 'shard_0',
    id: 'shard_0',
    events: new EndpointEvents('sharding-0', {
      shard: 'shard_0',
      id: 'shard_0',
      kind: 'primary',
      pool: { ...LIMITS, ...limits },
    }),
    driver,
    limits: { ...LIMITS, ...limits },
    breaker,
    isRemote: true,
    mayHedge,
    lossOf: () => new Error('lost'),
    clock,
    deadlines: clock.deadlines,
    random,
  })
  return { guarded, pool: guarded.pool, breaker: guarded.breaker, driver, clock }
}

test.each([
  [true, 3],
  [false, 1],
])('a server that says nothing: with mayHedge %s there are %i attempts at once', async (mayHedge, most) => {
  const { pool, driver, clock } = guardedPool({}, { open: 'manual' }, { mayHedge })
  new Caller(pool)
  await clock.advance(LIMITS.connectTimeoutMs * 0.9)
  expect(driver.opening.filter(({ signal }) => !signal.aborted)).toHaveLength(most)
})

type Bench = ReturnType<typeof guardedPool>

const DOWN = Object.assign(new Error('down'), { code: 'ECONNREFUSED' })

/** Asks and has every attempt fail, until the breaker opens. */
async function trip({ pool, breaker, driver, clock }: Bench): Promise<void> {
  while (breaker.isClosed) {
    try {
      new Caller(pool)
    } catch {
      // Refused, as it has to be.
    }
    for (const attempt of [...driver.opening]) attempt.fail(DOWN)
    await clock.advance(20)
  }
}

/** The attempt of the next probe. */
async function nextProbe({ driver, clock }: Bench) {
  while (driver.opening.length === 0) await clock.advance(20)
  const [attempt] = driver.opening
  if (attempt === undefined) throw new Error('unreachable')
  return attempt
}

test('fault 8: while the database is down callers are refused at once, whatever is idle', async () => {
  const bench = guardedPool({ max: 2, connectConcurrency: 1 }, { open: 'manual' })
  const { pool, driver, breaker } = bench
  await trip(bench)
  expect(() => pool.tryAcquire()).toThrow(CircuitOpenError)
  expect(() => pool.assertAvailable()).toThrow(CircuitOpenError)
  expect(() => pool.wait()).toThrow(CircuitOpenError)
  expect(driver.opening).toEqual([])
  expect(breaker.name).toBe('open')
})

test('those who wait are refused in the moment in which the breaker opens', async () => {
  const { pool, breaker, driver, clock } = guardedPool({ max: 1 })
  await settled()
  const holder = new Caller(pool)
  await settled()
  const waiting = callers(3, pool)
  const release = breaker.isolate()
  await settled()
  expect(waiting.map(({ outcome }) => outcome)).toEqual(['refused', 'refused', 'refused'])
  for (const { error } of waiting) expect(error).toBeInstanceOf(CircuitOpenError)
  expect(pool.stats().waiting).toBe(0)
  holder.release()
  expect(() => new Caller(pool)).toThrow(CircuitOpenError)
  release()
  expect(new Caller(pool).outcome).toBe('served')
  expect(driver.openedCount).toBe(1)
  await clock.advance(0)
})

test('what was being opened when the breaker opens is given up', async () => {
  const { pool, breaker, driver } = guardedPool({ max: 4 }, { open: 'manual' })
  callers(3, pool)
  expect(driver.opening.length).toBeGreaterThan(1)
  breaker.isolate()
  expect(driver.opening.every(({ signal }) => signal.aborted)).toBe(true)
})

test('a probe opens one connection, is nobody’s, and serves whoever comes when it has succeeded', async () => {
  const bench = guardedPool({ max: 4 }, { open: 'manual' })
  const { pool, driver, breaker } = bench
  await trip(bench)
  const probe = await nextProbe(bench)
  expect(breaker.name).toBe('half-open')
  for (let i = 0; i < 20; i++) expect(() => new Caller(pool)).toThrow(CircuitOpenError)
  expect(driver.opening).toHaveLength(1)
  const resource = probe.succeed()
  await settled()
  expect(breaker.name).toBe('closed')
  expect(pool.stats()).toMatchObject({ total: 1, idle: 1 })
  expect(new Caller(pool).resource).toBe(resource)
})

test('after an outage connections are opened one, two, four at a time', async () => {
  const bench = guardedPool({ max: 20, connectConcurrency: 4 }, { open: 'manual' })
  const { pool, driver } = bench
  await trip(bench)
  ;(await nextProbe(bench)).succeed()
  await settled()
  callers(20, pool)
  const atOnce: number[] = []
  for (let i = 0; i < 4; i++) {
    atOnce.push(driver.opening.length)
    driver.opening[0]?.succeed()
    await settled()
  }
  expect(atOnce).toEqual([1, 2, 4, 4])
})

test('after an outage what was opened before is not lent again, and not closed in use', async () => {
  let isUp = true
  const bench = guardedPool({ max: 3 }, { open: async () => void (isUp || (await Promise.reject(DOWN))) })
  const { pool, driver, breaker, clock } = bench
  const [first, second] = callers(2, pool)
  await settled()
  isUp = false
  // Those two hear nothing for a second, and somebody needs one more.
  callers(1, pool)
  while (breaker.isClosed) await clock.advance(20)
  second?.release()
  expect(pool.stats().idle).toBe(1)
  isUp = true
  while (!breaker.isClosed) await clock.advance(20)
  expect(driver.closed).toEqual([second?.resource])
  first?.release()
  await settled()
  expect(driver.closed).toContain(first?.resource)
  const next = new Caller(pool)
  await settled()
  expect(next.resource.id).toBeGreaterThan(2)
})

test('fault 12: resources that are lost, all at once, open nothing', async () => {
  const { pool, driver, breaker } = guardedPool({ max: 10 })
  const all = callers(10, pool)
  await settled()
  for (const { resource } of all) driver.lose(resource)
  expect(breaker.name).toBe('closed')
  for (const caller of all) caller.destroy()
  await settled()
  const next = new Caller(pool)
  await settled()
  expect(next.outcome).toBe('served')
  expect(breaker.name).toBe('closed')
})

test('fault 9: an attempt that says nothing gets another beside it, and the first that succeeds is taken', async () => {
  const { pool, driver, clock } = guardedPool({ max: 4 }, { open: 'manual' })
  const caller = new Caller(pool)
  expect(driver.opening).toHaveLength(1)
  await clock.advance(500)
  expect(driver.opening).toHaveLength(2)
  await clock.advance(500)
  expect(driver.opening).toHaveLength(3)
  const [first, second, third] = [...driver.opening]
  const resource = second?.succeed()
  await settled()
  expect(caller.resource).toBe(resource)
  expect(first?.signal.aborted).toBe(true)
  expect(third?.signal.aborted).toBe(true)
  const late = first?.succeed()
  await settled()
  expect(driver.closed).toEqual([late])
})

test('only one attempt at a time gets others beside it', async () => {
  const { pool, driver, clock } = guardedPool({ max: 4, connectConcurrency: 4 }, { open: 'manual' })
  callers(4, pool)
  await clock.advance(1000)
  expect(driver.opening).toHaveLength(6)
})

test('fault 9: whenever a black hole ends, the next caller is served within a second', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 12_000 }),
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 6 }),
      async (healsAt, randoms, atOnce) => {
        let turn = 0
        const random = () => randoms[turn++ % randoms.length] as number
        const isUp = () => clock.now() >= healsAt
        const open = () => (isUp() ? clock.sleep(20) : new Promise<void>(() => {}))
        const { pool, driver, clock, guarded } = guardedPool({ max: 10 }, { open }, { random })
        const asked: Caller<FakeResource>[] = []
        const isServed = () => asked.some(({ outcome }) => outcome === 'served')
        const ask = () => {
          try {
            asked.push(new Caller(pool))
          } catch {
            // Refused at once.
          }
        }
        while (!isServed() && clock.now() < healsAt + 2000) {
          for (let i = 0; i < atOnce; i++) ask()
          await clock.advance(50)
        }
        expect(clock.now() - healsAt).toBeLessThanOrEqual(1000)
        for (const caller of asked) if (caller.outcome === 'served') caller.release()
        void guarded.close(0)
        await clock.advance(5000)
        expect(driver.held).toBe(0)
        expect(driver.opening.every(({ signal }) => signal.aborted)).toBe(true)
        expect(clock.deadlines.size).toBe(0)
      },
    ),
    { numRuns: 200 },
  )
})

test('a server that takes long to let anybody in is found in the end', async () => {
  const { pool, driver, clock, breaker } = guardedPool({ max: 4 }, { open: () => clock.sleep(5000) })
  while (breaker.isClosed) {
    try {
      callers(1, pool)
    } catch {
      // Refused at once.
    }
    await clock.advance(100)
  }
  await clock.advance(20_000)
  expect(breaker.name).toBe('closed')
  expect(driver.held).toBe(1)
})

test('fault 25: a connect that takes long because the event loop stood still says nothing of the database', async () => {
  const { pool, breaker, clock } = guardedPool({ max: 10, connectConcurrency: 10 }, { open: 'manual' })
  callers(10, pool)
  await clock.jump(3000)
  await clock.jump(0)
  expect(breaker.name).toBe('closed')
})

test('an unused pool has no timer, and one that is closed has none either', async () => {
  const bench = guardedPool({ max: 2 }, { open: 'manual' })
  expect(bench.clock.deadlines.size).toBe(0)
  await trip(bench)
  expect(bench.clock.deadlines.size).toBeGreaterThan(0)
  void bench.guarded.close(0)
  expect(bench.clock.deadlines.size).toBe(0)
})

test('a probe that is under way ends when the pool is closed', async () => {
  const bench = guardedPool({ max: 2 }, { open: 'manual' })
  await trip(bench)
  const probe = await nextProbe(bench)
  void bench.guarded.close(0)
  expect(probe.signal.aborted).toBe(true)
  await settled()
  expect(bench.clock.deadlines.size).toBe(0)
  expect(await errorOf(() => bench.guarded.recover())).toBeInstanceOf(PoolDrainingError)
})

test('recover() never opens more than max, and takes the place of the next that is given back', async () => {
  const { pool, guarded, driver } = guardedPool({ max: 2 }, { close: 'manual' })
  const [first, second] = callers(2, pool)
  await settled()
  const recovered = guarded.recover()
  const waiting = new Caller(pool)
  await settled()
  expect(driver.openedCount).toBe(2)
  first?.release()
  await settled()
  expect(driver.openedCount).toBe(2)
  for (const closing of driver.closing.values()) closing.resolve()
  await recovered
  await settled()
  expect(waiting.resource.id).toBe(3)
  second?.release()
  await settled()
  expect([...driver.closing.keys()]).toContain(second?.resource)
  expect(driver.peak).toBe(2)
})

test('recover() gives up after connectTimeoutMs when nothing is given back', async () => {
  const { pool, guarded, clock, driver } = guardedPool({ max: 1 })
  const holder = new Caller(pool)
  await settled()
  const failed = errorOf(() => guarded.recover())
  await clock.advance(1500)
  expect(await failed).toMatchObject({ code: 'ETIMEDOUT' })
  holder.release()
  expect(new Caller(pool).outcome).toBe('served')
  expect(driver.openedCount).toBe(1)
})

test('fault 15: a database that serves its connections is not down because it accepts no others', async () => {
  let isFull = false
  const bench = guardedPool({ max: 3 }, { open: async () => void (isFull && (await Promise.reject(DOWN))) })
  const { pool, guarded, breaker, clock, driver } = bench
  callers(1, pool)
  await settled()
  isFull = true
  new Caller(pool, 60_000)
  for (let i = 0; i < 200; i++) {
    // Somebody's long lease, which has one query after the other.
    guarded.noteOutcome('answered')
    await clock.advance(100)
  }
  expect(breaker.name).toBe('closed')
  for (let i = 0; i < 30; i++) await clock.advance(100)
  expect(breaker.name).toBe('open')
  expect(driver.openedCount).toBe(1)
})

test('fault 16: a server that refuses the credentials is asked at most once a second, whatever is served meanwhile', async () => {
  const times: number[] = []
  let isWrong = false
  const refusal = Object.assign(new Error('password'), { code: '28P01' })
  const bench = guardedPool(
    { max: 3 },
    {
      open: async () => {
        times.push(bench.clock.now())
        if (isWrong) throw refusal
      },
    },
  )
  const { pool, guarded, clock, breaker } = bench
  callers(1, pool)
  await settled()
  isWrong = true
  times.length = 0
  new Caller(pool, 60_000)
  for (let i = 0; i < 300; i++) {
    guarded.noteOutcome('answered')
    await clock.advance(50)
  }
  expect(breaker.name).toBe('closed')
  const gaps = times.slice(1).map((time, index) => time - (times[index] as number))
  expect(gaps.length).toBeGreaterThan(3)
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000)
})
