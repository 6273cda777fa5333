import { scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LimitsConfig, PoolConfig } from '../../src/config/resolved-config.ts'
import { CheckoutTimeoutError } from '../../src/errors.ts'
import type { DivisibleBudget } from '../../src/pool/budget-division.ts'
import { CheckoutErrors } from '../../src/pool/checkout-errors.ts'
import { PoolBudgets } from '../../src/pool/pool-budgets.ts'
import { ShardPool } from '../../src/pool/shard-pool.ts'
import { Caller } from '../support/caller.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FakeDriver, type FakeDriverOptions, type FakeResource } from '../support/fake-driver.ts'
import { LIMITS, OPEN } from '../support/pool-of.ts'
import { settled } from '../support/settled.ts'

const SERVER = 'db:5432'

interface Shared {
  readonly limits?: Partial<LimitsConfig>
  readonly serverMax?: number
  readonly pool?: Partial<PoolConfig>
  readonly driver?: FakeDriverOptions
  readonly inMemory?: boolean
}

/** Pools of as many shards, on one server. */
function poolsOf(count: number, { limits, serverMax, pool, driver, inMemory = false }: Shared) {
  const clock = new FakeClock()
  const { deadlines } = clock
  const servers = new Map(serverMax === undefined ? [] : [[SERVER, { maxConnections: serverMax }]])
  let server: DivisibleBudget | undefined
  const budgets = new PoolBudgets({
    divide: (divided) => {
      server = divided[0]
      server?.resize(server.total)
      return { workersOf: () => 1, returned() {}, ready: async () => {}, leave() {} }
    },
    limits: { maxOpenPools: null, maxConnections: null, poolIdleMs: null, ...limits },
    servers,
    clock,
    deadlines,
  })
  const pools = Array.from({ length: count }, (_, index) => {
    const own = new FakeDriver(driver)
    const address = inMemory
      ? { client: 'libsql', connection: ':memory:' }
      : { client: 'pg', connection: `postgres://${SERVER}/db_${index}` }
    const shard = new ShardPool<FakeResource>({
      errors: new CheckoutErrors(`shard_${index}`, () => 0),
      driver: own,
      limits: { ...LIMITS, ...pool },
      clock,
      deadlines,
      random: () => 0,
      gate: OPEN,
      joinBudget: budgets.joining(address),
    })
    return { pool: shard, driver: own }
  })
  const at = (index: number) => pools[index] as (typeof pools)[number]
  return {
    clock,
    pools,
    at,
    /** Gives this process another share of the server's budget. */
    resize: (limit: number) => server?.resize(limit),
    ask: (index: number) => new Caller(at(index).pool),
    /** Connections that servers see: open, being opened and being closed. */
    get held() {
      return pools.reduce(
        (sum, { driver }) =>
          sum + driver.held + driver.opening.filter(({ signal }) => !signal.aborted).length,
        0,
      )
    },
    get open() {
      return pools.filter(({ driver }) => driver.held > 0).length
    },
  }
}

/** Asks, is served and gives back. */
async function use({ ask }: ReturnType<typeof poolsOf>, index: number): Promise<void> {
  const caller = ask(index)
  await settled()
  expect(caller.outcome).toBe('served')
  caller.release()
}

test('the pool that has been unused for longest makes room for another', async () => {
  const bench = poolsOf(3, { limits: { maxOpenPools: 2 } })
  await use(bench, 0)
  await use(bench, 1)
  await use(bench, 0)
  await use(bench, 2)
  expect(bench.pools.map(({ driver }) => driver.held)).toEqual([1, 0, 1])
  await use(bench, 1)
  expect(bench.pools.map(({ driver }) => driver.held)).toEqual([0, 1, 1])
  expect(bench.at(0).pool.counts.closedCounts.evicted).toBe(1)
})

test('a pool in use is never evicted: whoever needs its place waits, and gets it when it is free', async () => {
  const bench = poolsOf(3, { limits: { maxOpenPools: 2 } })
  const [first, second] = [bench.ask(0), bench.ask(1)]
  await settled()
  const third = bench.ask(2)
  await bench.clock.advance(1000)
  expect([first.outcome, second.outcome, third.outcome]).toEqual(['served', 'served', 'waiting'])
  expect([first.resource.isUsable, second.resource.isUsable]).toEqual([true, true])
  second.release()
  await settled()
  expect(third.outcome).toBe('served')
  expect(first.resource.isUsable).toBe(true)
})

test('whoever waits for a place of another pool waits until his deadline, and is told which limit it was', async () => {
  const bench = poolsOf(2, { limits: { maxOpenPools: 1 } })
  bench.ask(0)
  await settled()
  const late = bench.ask(1)
  await bench.clock.advance(2010)
  expect(late.error).toBeInstanceOf(CheckoutTimeoutError)
  expect(late.error?.message).toContain('limits.maxOpenPools (1) used up')
})

test('a pool that nobody uses closes its connections after poolIdleMs, min included, and opens them when it is used', async () => {
  const bench = poolsOf(2, { limits: { poolIdleMs: 60_000 }, pool: { min: 2 } })
  await use(bench, 0)
  await bench.clock.advance(30_000)
  await use(bench, 1)
  expect(bench.held).toBe(4)
  const held = bench.ask(1)
  await bench.clock.advance(30_010)
  expect(
    bench.pools.map(({ driver }) => driver.held),
    'the one in use keeps its own',
  ).toEqual([0, 2])
  await bench.clock.advance(300_000)
  expect(bench.pools.map(({ driver }) => driver.held)).toEqual([0, 2])
  held.release()
  await bench.clock.advance(60_010)
  expect(bench.held).toBe(0)
  expect(bench.clock.deadlines.size, 'no timer is left').toBe(0)
  await use(bench, 0)
  expect(bench.held).toBe(2)
})

test('an idle connection of another pool is closed for a caller, and the new one comes when that is gone', async () => {
  const bench = poolsOf(2, { serverMax: 2, driver: { close: 'manual' } })
  const [first, second] = [bench.ask(0), bench.ask(0)]
  await settled()
  first.release()
  const other = bench.ask(1)
  await settled()
  expect(bench.held, 'the one that is being closed counts').toBe(2)
  expect(other.outcome).toBe('waiting')
  expect(second.resource.isUsable).toBe(true)
  for (const { resolve } of bench.at(0).driver.closing.values()) resolve()
  await settled()
  expect(other.outcome).toBe('served')
  expect(bench.held).toBe(2)
})

test('a connection in use is never closed for another pool, though it was idle before', async () => {
  const bench = poolsOf(2, { serverMax: 1 })
  await use(bench, 0)
  const holder = bench.ask(0)
  const other = bench.ask(1)
  await bench.clock.advance(1000)
  expect(holder.resource.isUsable).toBe(true)
  expect(other.outcome).toBe('waiting')
  holder.release()
  await settled()
  expect(other.outcome).toBe('served')
})

test('one connection is closed for one caller, however often he is looked after', async () => {
  const bench = poolsOf(2, { serverMax: 4, pool: { max: 4 }, driver: { close: 'manual' } })
  const callers = Array.from({ length: 4 }, () => bench.ask(0))
  await settled()
  for (const caller of callers) caller.release()
  const one = bench.ask(1)
  await bench.clock.advance(100)
  expect(bench.at(0).driver.closing.size).toBe(1)
  expect(one.outcome).toBe('waiting')
})

test('pools under load end with equal parts, and then nothing is closed any more', async () => {
  const bench = poolsOf(4, { serverMax: 8, pool: { max: 5, checkoutTimeoutMs: 60_000 } })
  const waiting = bench.pools.map((_, index) => Array.from({ length: 200 }, () => bench.ask(index)))
  const busy = () => waiting.map((callers) => callers.filter(({ outcome }) => outcome === 'served'))
  let closedBefore = 0
  for (let round = 0; round < 60; round++) {
    await settled()
    if (round === 30) closedBefore = closed()
    for (const callers of busy()) for (const caller of callers) if (!isDone(caller)) release(caller)
  }
  await settled()
  expect(bench.pools.map(({ driver }) => driver.held)).toEqual([2, 2, 2, 2])
  expect(closed()).toBe(closedBefore)

  function closed(): number {
    return bench.pools.reduce((sum, { driver }) => sum + driver.closed.length, 0)
  }
})

test('where there are more pools than connections, whoever has waited for longest is served first', async () => {
  const bench = poolsOf(6, { serverMax: 2, pool: { checkoutTimeoutMs: 60_000 } })
  const callers = []
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 6; index++) {
      callers.push(bench.ask(index))
      await bench.clock.advance(1)
    }
  }
  const order: number[] = []
  while (order.length < callers.length) {
    await settled()
    const before = order.length
    for (const [index, caller] of callers.entries()) {
      if (caller.outcome !== 'served' || isDone(caller)) continue
      order.push(index)
      release(caller)
    }
    expect(order.length, 'somebody is served').toBeGreaterThan(before)
  }
  const lateness = order.map((index, position) => position - index)
  expect(Math.max(...lateness), 'nobody is passed over by many').toBeLessThanOrEqual(6)
})

test('a share that shrinks: idle ones go first, then those that come back; nobody loses one that is lent', async () => {
  const bench = poolsOf(2, { serverMax: 6, pool: { max: 6 } })
  const callers = [bench.ask(0), bench.ask(0), bench.ask(0), bench.ask(1), bench.ask(1), bench.ask(1)]
  await settled()
  const [idle, next, kept] = callers
  if (idle === undefined || next === undefined || kept === undefined) throw new Error('nobody')
  idle.release()
  await settled()
  bench.resize(4)
  await settled()
  expect(idle.resource.isUsable, 'idle').toBe(false)
  expect(
    callers.slice(1).every(({ resource }) => resource.isUsable),
    'lent',
  ).toBe(true)
  expect(bench.held, 'one above the share').toBe(5)
  const waiting = bench.ask(0)
  next.release()
  await settled()
  expect([next.resource.isUsable, waiting.outcome], 'not for him who waits').toEqual([false, 'waiting'])
  kept.release()
  await settled()
  expect([kept.resource.isUsable, waiting.outcome]).toEqual([true, 'served'])
  expect(bench.held).toBe(4)
})

test('a share that grows: those who wait are served at once, those of all pools', async () => {
  const bench = poolsOf(3, { serverMax: 6 })
  bench.resize(1)
  const first = bench.ask(0)
  await settled()
  const others = [bench.ask(1), bench.ask(2), bench.ask(0)]
  await bench.clock.advance(100)
  expect(others.map(({ outcome }) => outcome)).toEqual(['waiting', 'waiting', 'waiting'])
  bench.resize(3)
  await settled()
  expect(others.map(({ outcome }) => outcome)).toEqual(['served', 'served', 'waiting'])
  expect(first.resource.isUsable).toBe(true)
})

test('without a share nobody is served, and is told why', async () => {
  const bench = poolsOf(1, { serverMax: 6 })
  bench.resize(0)
  const caller = bench.ask(0)
  await bench.clock.advance(2010)
  expect(caller.error?.message).toContain(
    `servers["${SERVER}"].maxConnections (of 6, this process may have 0) used up`,
  )
  expect(bench.held).toBe(0)
})

test('a database in memory is never closed for others', async () => {
  const bench = poolsOf(2, {
    limits: { maxOpenPools: 1, maxConnections: 1, poolIdleMs: 1000 },
    inMemory: true,
  })
  await use(bench, 0)
  const other = bench.ask(1)
  await bench.clock.advance(3000)
  expect(other.error).toBeInstanceOf(CheckoutTimeoutError)
  expect(bench.at(0).driver.held).toBe(1)
})

test('an attempt that fails gives its room to the next pool', async () => {
  const bench = poolsOf(2, { serverMax: 1, driver: { open: 'manual' } })
  bench.ask(0)
  const other = bench.ask(1)
  await settled()
  expect(bench.at(1).driver.opening).toHaveLength(0)
  bench.at(0).driver.opening[0]?.fail(new Error('down'))
  await settled()
  bench.at(1).driver.opening[0]?.succeed()
  await settled()
  expect(other.outcome).toBe('served')
})

test('what is shared is never exceeded, and everybody is served, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.record({
        count: fc.integer({ min: 2, max: 6 }),
        serverMax: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
        maxOpenPools: fc.option(fc.integer({ min: 1, max: 4 })),
        maxConnections: fc.option(fc.integer({ min: 1, max: 8 })),
        poolIdleMs: fc.option(fc.integer({ min: 50, max: 500 })),
        min: fc.integer({ min: 0, max: 1 }),
        max: fc.integer({ min: 1, max: 3 }),
      }),
      fc.array(
        fc.tuple(
          fc.constantFrom(
            ...([
              'ask',
              'ask',
              'ask',
              'release',
              'release',
              'wait',
              'lose',
              'leave',
              'rotate',
              'resize',
            ] as const),
          ),
          fc.nat(1000),
        ),
        { maxLength: 60, size: 'max' },
      ),
      async (scheduler, { count, serverMax, min, max, ...limits }, steps) => {
        const later = () => scheduler.schedule(Promise.resolve()).then(() => {})
        const bench = poolsOf(count, {
          limits,
          ...(serverMax === undefined ? {} : { serverMax }),
          pool: { min, max, checkoutTimeoutMs: 1_000_000, connectTimeoutMs: 900_000 },
          driver: { open: later, close: later, reset: later },
        })
        const callers: Caller<FakeResource>[] = []
        const holders = () => callers.filter((caller) => caller.outcome === 'served' && !isDone(caller))
        // After it has shrunk nothing is opened until no more are there than it has room for.
        let most = Math.min(serverMax ?? Infinity, limits.maxConnections ?? Infinity)
        const share = (number: number) => {
          if (serverMax === undefined) return
          const limit = 1 + (number % serverMax)
          bench.resize(limit)
          most = Math.min(limits.maxConnections ?? Infinity, Math.max(limit, bench.held))
        }
        const check = () => {
          expect(bench.held, 'connections').toBeLessThanOrEqual(most)
          expect(bench.open, 'open pools').toBeLessThanOrEqual(limits.maxOpenPools ?? Infinity)
          for (const { resource } of holders())
            expect(lost.has(resource) || resource.isUsable, 'nobody loses his').toBe(true)
        }
        const lost = new Set<FakeResource>()
        for (const [kind, number] of steps) {
          const { pool, driver } = bench.at(number % count)
          if (kind === 'ask') callers.push(bench.ask(number % count))
          else if (kind === 'release')
            holders()
              .slice(number % 3, (number % 3) + 1)
              .forEach(release)
          else if (kind === 'resize') share(number)
          else if (kind === 'wait') await bench.clock.advance(number)
          // An attempt that is given up lets go at once; this driver's would succeed all the same.
          else if (kind === 'rotate') {
            if (driver.opening.length === 0) void pool.rotate()
          } else if (kind === 'leave') callers.find(({ outcome }) => outcome === 'waiting')?.leave()
          else {
            const [resource] = driver.members
            if (resource !== undefined) {
              lost.add(resource)
              driver.lose(resource)
            }
          }
          check()
          if (number % 2 === 0 && scheduler.count() > 0) await scheduler.waitOne()
          await settled()
          check()
        }
        /** Pools that open and close for each other without end would never come to rest. */
        const rest = async () => {
          let left = 1000
          while (scheduler.count() > 0 && left-- > 0) await scheduler.waitOne()
          expect(left, 'connections are opened and closed without end').toBeGreaterThan(0)
        }
        // Everybody gives back: nobody is forgotten.
        for (let round = 0; round < 500 && callers.some(({ outcome }) => outcome === 'waiting'); round++) {
          await rest()
          holders().forEach(release)
          await bench.clock.advance(10)
          check()
        }
        holders().forEach(release)
        for (let round = 0; round < 5; round++) {
          await rest()
          await bench.clock.advance(1000)
          check()
        }
        expect(callers.filter(({ outcome }) => outcome === 'waiting')).toHaveLength(0)
        expect(bench.pools.every(({ pool }) => pool.stats().active === 0)).toBe(true)
      },
    ),
    { numRuns: scaled(4000) },
  )
})

const done = new WeakSet<Caller<FakeResource>>()

function isDone(caller: Caller<FakeResource>): boolean {
  return done.has(caller)
}

function release(caller: Caller<FakeResource>): void {
  done.add(caller)
  caller.release()
}
