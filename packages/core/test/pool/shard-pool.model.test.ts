import { scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CheckoutTimeoutError, PoolOverloadedError, ShardUnavailableError } from '../../src/errors.ts'
import type { ShardPool } from '../../src/pool/shard-pool.ts'
import { Caller } from '../support/caller.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import type { FakeDriver, FakeResource } from '../support/fake-driver.ts'
import { poolOf } from '../support/pool-of.ts'
import { settled } from '../support/settled.ts'

/** Somebody who asked, as the model sees him. */
interface Ticket {
  readonly caller: Caller<FakeResource>
  readonly tenant: string | undefined
  readonly since: number
  readonly deadline: number
  holds: FakeResource | undefined
}

/**
 * What must be true of any pool, whatever happened to it: those who wait are a queue, each resource has one owner,
 * and the numbers add up. It knows nothing of how the pool decides.
 */
class Model {
  /** In the order in which they came. */
  readonly queue: Ticket[] = []
  readonly holders: Ticket[] = []
  readonly limits: ModelLimits
  isClosed = false
  isPaused = false
  hasTimedOut = false
  /** Resources that were open when the pool was rotated. */
  readonly old = new Set<FakeResource>()
  rotationsUnderWay = 0
  /** When connecting failed, by the error. */
  readonly failedAt = new Map<unknown, number>()

  constructor(limits: ModelLimits) {
    this.limits = limits
  }

  /** Moves those who have been served or refused, and complains about any who should not have been. */
  observe({ clock, driver }: Real): void {
    const now = clock.now()
    // Attempts that took too long.
    for (const { signal } of driver.opening)
      if (signal.aborted && !this.failedAt.has(signal.reason)) this.failedAt.set(signal.reason, now)
    if (this.queue.some(({ caller }) => caller.error instanceof CheckoutTimeoutError)) this.hasTimedOut = true
    // Whoever is still in the queue was overtaken by everybody behind him who was served.
    const overtaken = new Set<string | undefined>()
    for (const ticket of [...this.queue]) {
      const { caller, since, deadline } = ticket
      if (caller.outcome === 'waiting') {
        expect(now, 'nobody waits past his deadline').toBeLessThan(deadline)
        // Where each tenant has its share, tenants take turns.
        overtaken.add(this.#queueOf(ticket))
        continue
      }
      this.queue.splice(this.queue.indexOf(ticket), 1)
      if (caller.outcome === 'served') {
        expect(overtaken.has(this.#queueOf(ticket)), 'nobody is overtaken').toBe(false)
        expect(this.isPaused, 'a paused pool serves nobody').toBe(false)
        expect(now, 'nobody is served past his deadline').toBeLessThanOrEqual(deadline)
        this.hold(ticket)
      } else if (caller.error instanceof CheckoutTimeoutError) {
        expect(now, 'nobody is refused before his deadline').toBeGreaterThanOrEqual(deadline)
      } else if (caller.error instanceof PoolOverloadedError) {
        const { shedTargetMs } = this.limits
        expect(now - since, 'nobody is shed who has not waited').toBeGreaterThan(
          2 * (shedTargetMs ?? Infinity),
        )
        expect(this.hasTimedOut, 'nobody is shed as long as all are served in time').toBe(true)
      } else if (caller.error instanceof ShardUnavailableError) {
        this.expectFresh(caller.error, now)
      }
    }
  }

  /** Nobody is told of a failure that lies further back than a pause. */
  expectFresh(error: ShardUnavailableError, now: number): void {
    const failedAt = this.failedAt.get(error.cause) ?? Number.NEGATIVE_INFINITY
    expect(now - failedAt, 'nobody is told of an old failure').toBeLessThanOrEqual(1000)
  }

  /** Those who wait and may have a resource now. */
  get eligible(): number {
    const { perTenantMax } = this.limits
    if (perTenantMax === null) return this.queue.length
    const left = (tenant: string | undefined) =>
      tenant === undefined ? Infinity : perTenantMax - this.countLent(tenant)
    const tenants = new Set(this.queue.map(({ tenant }) => tenant))
    return [...tenants]
      .map((tenant) => Math.min(left(tenant), this.queue.filter((ticket) => ticket.tenant === tenant).length))
      .reduce((sum, count) => sum + count, 0)
  }

  /** Resources that count as the tenant's, those that are being reset after it not included. */
  countLent(tenant: string): number {
    return this.holders.filter((ticket) => ticket.tenant === tenant).length
  }

  #queueOf({ tenant }: Ticket): string | undefined {
    return this.limits.perTenantMax === null ? undefined : `${tenant}`
  }

  hold(ticket: Ticket): void {
    const { resource } = ticket.caller
    expect(
      this.holders.some(({ holds }) => holds === resource),
      'each resource has one owner',
    ).toBe(false)
    expect(this.old.has(resource), 'what was rotated out is not lent').toBe(false)
    ticket.holds = resource
    this.holders.push(ticket)
    const { perTenantMax } = this.limits
    if (perTenantMax !== null && ticket.tenant !== undefined)
      expect(this.countLent(ticket.tenant), 'nobody has more than his share').toBeLessThanOrEqual(
        perTenantMax,
      )
  }

  /** One of the holders, who holds no longer. */
  takeHolder(index: number): Ticket | undefined {
    return this.holders.splice(index % Math.max(1, this.holders.length), 1)[0]
  }
}

interface ModelLimits {
  readonly min: number
  readonly max: number
  readonly checkoutTimeoutMs: number
  readonly perTenantMax: number | null
  readonly shedTargetMs: number | null
}

interface Real {
  readonly pool: ShardPool<FakeResource>
  readonly driver: FakeDriver
  readonly clock: FakeClock
}

type Command = fc.AsyncCommand<Model, Real>

/** A step, and what must be true after any step. */
abstract class Step implements Command {
  check(_model: Readonly<Model>): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    await this.act(model, real)
    model.observe(real)
    await settled()
    model.observe(real)
    assertInvariants(model, real)
  }

  toString(): string {
    const fields = Object.values(this)
    return `${this.constructor.name}(${fields.join(', ')})`
  }

  abstract act(model: Model, real: Real): void | Promise<void>
}

function assertInvariants(model: Model, { pool, driver }: Real): void {
  const { total, active, idle, waiting, utilization } = pool.stats()
  expect(waiting).toBe(model.queue.length)
  const isServed =
    idle === 0 || model.isPaused || model.eligible <= sharesInReset(model, driver) + driver.pinging.size
  expect(isServed, 'nobody who may have something waits while it is idle').toBe(true)
  expect(driver.peak, 'open, opening and closing stay within max').toBeLessThanOrEqual(model.limits.max)
  expect(total).toBe(active + idle)
  expect(utilization).toBe(Math.round((active / model.limits.max) * 10_000) / 100)
  // After a forced close those who hold something hold something closed.
  const isOpen = (resource: FakeResource) =>
    !driver.closed.includes(resource) && !driver.closing.has(resource)
  const lent = model.holders.map(({ holds }) => holds as FakeResource)
  expect(active).toBe([...lent, ...driver.resetting.keys(), ...driver.pinging.keys()].filter(isOpen).length)
  expect(idle).toBe(driver.resting.size)
  expect(driver.openedCount - driver.closed.length, 'opened minus closed is held').toBe(driver.held)
  expect(total).toBe(driver.held - driver.closing.size)
  const { openedCount, closedCounts } = pool.counts
  expect(openedCount, 'each opening is counted').toBe(driver.openedCount)
  const closed = Object.values(closedCounts).reduce((sum, count) => sum + count, 0)
  expect(closed, 'each closing is counted').toBe(driver.closed.length + driver.closing.size)
}

/** A share is free again once its resource is: a tenant may wait for one that is still being reset. */
function sharesInReset({ limits }: Model, driver: FakeDriver): number {
  return limits.perTenantMax === null ? 0 : driver.resetting.size
}

class Acquire extends Step {
  readonly tenant: string | undefined

  constructor(tenant: string | undefined) {
    super()
    this.tenant = tenant
  }

  override check({ isClosed }: Model): boolean {
    return !isClosed
  }

  act(model: Model, { pool, clock }: Real): void {
    const { idle } = pool.stats()
    const { tenant } = this
    const caller = ask(model, clock.now(), () => new Caller(pool, undefined, tenant))
    if (caller === undefined) return
    const since = clock.now()
    const deadline = since + model.limits.checkoutTimeoutMs
    const ticket: Ticket = { caller, tenant, since, deadline, holds: undefined }
    if (caller.outcome === 'served') {
      const isAhead =
        model.limits.perTenantMax === null || model.queue.some((other) => other.tenant === tenant)
      expect(isAhead && model.queue.length > 0, 'nobody jumps the queue').toBe(false)
      expect(idle).toBeGreaterThan(0)
      expect(model.isPaused, 'a paused pool lends nothing').toBe(false)
      model.hold(ticket)
    } else {
      model.queue.push(ticket)
    }
  }
}

/** Undefined when the caller was refused at once, which he is only when nothing could come. */
function ask<T>(model: Model, now: number, caller: () => T): T | undefined {
  try {
    return caller()
  } catch (error) {
    if (!(error instanceof ShardUnavailableError)) throw error
    expect(model.holders, 'nobody is refused while something may come back').toEqual([])
    model.expectFresh(error, now)
    return undefined
  }
}

abstract class IndexedStep extends Step {
  readonly index: number

  constructor(index: number) {
    super()
    this.index = index
  }
}

class Release extends IndexedStep {
  act(model: Model): void {
    model.takeHolder(this.index)?.caller.release()
  }
}

class Destroy extends IndexedStep {
  act(model: Model): void {
    model.takeHolder(this.index)?.caller.destroy()
  }
}

class Leave extends IndexedStep {
  act(model: Model): void {
    const ticket = model.queue[this.index % Math.max(1, model.queue.length)]
    if (ticket === undefined) return
    expect(ticket.caller.leave()).toBe(true)
    expect(ticket.caller.leave()).toBe(false)
  }
}

/** Fault 3: a release and a departure in one instant. */
class ReleaseAndLeave extends IndexedStep {
  act(model: Model): void {
    const holder = model.takeHolder(this.index)
    const leaving = model.queue[0]
    holder?.caller.release()
    // False when it has been served already and will be told.
    leaving?.caller.leave()
  }
}

class Lose extends IndexedStep {
  act({ holders }: Model, { driver }: Real): void {
    const idle = [...driver.resting]
    const all = [...holders.map(({ holds }) => holds as FakeResource), ...idle]
    const resource = all[this.index % Math.max(1, all.length)]
    if (resource !== undefined) driver.lose(resource)
  }
}

class ConnectSucceeds extends IndexedStep {
  act(_model: Model, { driver }: Real): void {
    driver.opening[this.index % Math.max(1, driver.opening.length)]?.succeed()
  }
}

class ConnectFails extends IndexedStep {
  act(model: Model, { driver, clock }: Real): void {
    const attempt = driver.opening[this.index % Math.max(1, driver.opening.length)]
    if (attempt === undefined) return
    const error = new Error('down')
    // What comes of an attempt that was given up concerns nobody.
    if (!attempt.signal.aborted) model.failedAt.set(error, clock.now())
    attempt.fail(error)
  }
}

class PingSettles extends IndexedStep {
  readonly succeeds: boolean

  constructor(index: number, succeeds: boolean) {
    super(index)
    this.succeeds = succeeds
  }

  act(_model: Model, { driver }: Real): void {
    const ping = [...driver.pinging.values()][this.index % Math.max(1, driver.pinging.size)]
    if (this.succeeds) ping?.resolve()
    else ping?.reject(new Error('no answer'))
  }
}

class Pause extends Step {
  override check({ isClosed }: Model): boolean {
    return !isClosed
  }

  act(model: Model, { pool }: Real): void {
    pool.pause()
    model.isPaused = true
  }
}

class Resume extends Step {
  override check({ isClosed }: Model): boolean {
    return !isClosed
  }

  act(model: Model, { pool }: Real): void {
    model.isPaused = false
    pool.resume()
  }
}

class Rotate extends Step {
  act(model: Model, { pool, driver }: Real): void {
    for (const resource of driver.members) model.old.add(resource)
    model.rotationsUnderWay++
    void pool.rotate().then(() => {
      model.rotationsUnderWay--
    })
  }
}

class ResetSettles extends Step {
  readonly succeeds: boolean

  constructor(succeeds: boolean) {
    super()
    this.succeeds = succeeds
  }

  act(_model: Model, { driver }: Real): void {
    const [reset] = driver.resetting.values()
    if (this.succeeds) reset?.resolve()
    else reset?.reject(new Error('no'))
  }
}

class CloseSettles extends Step {
  act(_model: Model, { driver }: Real): void {
    const [closing] = driver.closing.values()
    closing?.resolve()
  }
}

class Advance extends Step {
  readonly ms: number

  constructor(ms: number) {
    super()
    this.ms = ms
  }

  async act(model: Model, real: Real): Promise<void> {
    const { clock } = real
    const end = clock.now() + this.ms
    while (clock.now() < end) {
      await clock.advance(Math.min(end, Math.max(clock.now() + 1, clock.deadlines.next)) - clock.now())
      model.observe(real)
    }
  }
}

class Close extends Step {
  override check({ isClosed }: Model): boolean {
    return !isClosed
  }

  act(model: Model, { pool }: Real): void {
    model.isClosed = true
    void pool.close(500)
  }
}

const index = fc.nat({ max: 20 })
const tenant = fc.constantFrom(undefined, 'a', 'a', 'b', 'c')
const commands = fc.commands(
  [
    tenant.map((name) => new Acquire(name)),
    tenant.map((name) => new Acquire(name)),
    fc.tuple(index, fc.boolean()).map(([i, succeeds]) => new PingSettles(i, succeeds)),
    fc.constant(new Pause()),
    fc.constant(new Resume()),
    fc.constant(new Rotate()),
    index.map((i) => new Release(i)),
    index.map((i) => new Destroy(i)),
    index.map((i) => new Leave(i)),
    index.map((i) => new ReleaseAndLeave(i)),
    index.map((i) => new Lose(i)),
    index.map((i) => new ConnectSucceeds(i)),
    index.map((i) => new ConnectSucceeds(i)),
    index.map((i) => new ConnectFails(i)),
    fc.boolean().map((succeeds) => new ResetSettles(succeeds)),
    fc.constant(new CloseSettles()),
    fc.constantFrom(1, 49, 100, 499, 1000, 3000).map((ms) => new Advance(ms)),
    fc.constant(new Close()),
  ] as fc.Arbitrary<Command>[],
  { maxCommands: 40 },
)

const limits = fc.record({
  min: fc.nat({ max: 2 }),
  max: fc.integer({ min: 1, max: 4 }),
  connectConcurrency: fc.integer({ min: 1, max: 4 }),
  checkoutTimeoutMs: fc.constantFrom(100, 1000),
  connectTimeoutMs: fc.constantFrom(50, 500),
  idleTimeoutMs: fc.constantFrom(null, 700),
  maxLifetimeMs: fc.constantFrom(null, 2500),
  perTenantMax: fc.constantFrom(null, 1, 2),
  shedTargetMs: fc.constantFrom(null, 100),
  shedIntervalMs: fc.constantFrom(200, 1000),
  pingAfterIdleMs: fc.constantFrom(null, 300),
  pingTimeoutMs: fc.constantFrom(50, 200),
})

/** The database is well again and everybody gives back: after that nothing is left over. */
async function heal(model: Model, real: Real): Promise<void> {
  const { pool, driver } = real
  const { min, max, checkoutTimeoutMs } = model.limits
  const answerAll = async () => {
    const { opening, resetting, pinging, closing } = driver
    while (opening.length + resetting.size + pinging.size + closing.size > 0) {
      for (const attempt of [...opening]) attempt.succeed()
      for (const answer of [...resetting.values(), ...pinging.values(), ...closing.values()]) answer.resolve()
      await settled()
    }
    model.observe(real)
    for (let holder = model.takeHolder(0); holder; holder = model.takeHolder(0)) holder.caller.release()
    await settled()
    model.observe(real)
  }
  const until = async (isReached: () => boolean, ms: number) => {
    await answerAll()
    for (let passed = 0; passed < ms && !isReached(); passed += 50) {
      await new Advance(50).act(model, real)
      await answerAll()
    }
  }
  if (!model.isClosed) {
    await new Resume().run(model, real)
    // A pause after failures may be under way.
    await until(() => real.clock.now() - Math.max(...model.failedAt.values()) > 1000, 1050)
    await new Acquire('last').run(model, real)
    const last = model.queue.at(-1)
    await until(() => model.queue.length === 0, checkoutTimeoutMs)
    if (last !== undefined && checkoutTimeoutMs >= 1000) expect(last.caller.outcome).toBe('served')
    await until(() => pool.stats().total >= min, 1050)
    expect(pool.stats().total, 'min are open again').toBeGreaterThanOrEqual(Math.min(min, max))
    expect(pool.stats().total).toBeLessThanOrEqual(max)
    void pool.close(500)
    model.isClosed = true
  }
  await until(() => driver.held + driver.opening.length === 0, 550)
  await settled()
}

test(
  'fault 3: whatever happens, resources have one owner, the queue is fair, and nothing is lost',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        limits,
        fc.double({ min: 0, max: 1, noNaN: true }),
        commands,
        async (limits, random, steps) => {
          const manual = { open: 'manual', reset: 'manual', close: 'manual', ping: 'manual' } as const
          const real = poolOf(limits, manual, () => random)
          const model = new Model(limits)
          await fc.asyncModelRun(() => ({ model, real }), steps)
          await heal(model, real)
          expect(real.pool.stats()).toMatchObject({ total: 0, active: 0, idle: 0, waiting: 0 })
          expect(real.driver.held).toBe(0)
          expect(real.driver.openedCount).toBe(real.driver.closed.length)
          expect(real.clock.deadlines.size).toBe(0)
          expect(model.rotationsUnderWay, 'each rotation comes to its end').toBe(0)
        },
      ),
      { numRuns: scaled(100_000) },
    )
  },
  scaled(1_200_000),
)
