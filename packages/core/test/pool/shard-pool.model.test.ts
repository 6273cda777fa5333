import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CheckoutTimeoutError } from '../../src/errors.ts'
import type { ShardPool } from '../../src/pool/shard-pool.ts'
import { Caller } from '../support/caller.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import type { FakeDriver, FakeResource } from '../support/fake-driver.ts'
import { poolOf } from '../support/pool-of.ts'
import { settled } from '../support/settled.ts'

/** Somebody who asked, as the model sees him. */
interface Ticket {
  readonly caller: Caller<FakeResource>
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
  readonly checkoutTimeoutMs: number
  readonly max: number
  isClosed = false

  constructor(max: number, checkoutTimeoutMs: number) {
    this.max = max
    this.checkoutTimeoutMs = checkoutTimeoutMs
  }

  /** Moves those who have been served or refused, and complains about any who should not have been. */
  observe(now: number): void {
    // Whoever is still in the queue was overtaken by everybody behind him who was served.
    let hasWaiting = false
    for (const ticket of [...this.queue]) {
      const { caller, deadline } = ticket
      if (caller.outcome === 'waiting') {
        expect(now, 'nobody waits past his deadline').toBeLessThan(deadline)
        hasWaiting = true
        continue
      }
      this.queue.splice(this.queue.indexOf(ticket), 1)
      if (caller.outcome === 'served') {
        expect(hasWaiting, 'nobody is overtaken').toBe(false)
        expect(now, 'nobody is served past his deadline').toBeLessThanOrEqual(deadline)
        this.hold(ticket)
      } else if (caller.error instanceof CheckoutTimeoutError) {
        expect(now, 'nobody is refused before his deadline').toBeGreaterThanOrEqual(deadline)
      }
    }
  }

  hold(ticket: Ticket): void {
    const { resource } = ticket.caller
    expect(
      this.holders.some(({ holds }) => holds === resource),
      'each resource has one owner',
    ).toBe(false)
    ticket.holds = resource
    this.holders.push(ticket)
  }

  /** One of the holders, who holds no longer. */
  takeHolder(index: number): Ticket | undefined {
    return this.holders.splice(index % Math.max(1, this.holders.length), 1)[0]
  }
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
    model.observe(real.clock.now())
    await settled()
    model.observe(real.clock.now())
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
  expect(waiting === 0 || idle === 0, 'nobody waits while something is idle').toBe(true)
  expect(driver.peak, 'open, opening and closing stay within max').toBeLessThanOrEqual(model.max)
  expect(total).toBe(active + idle)
  expect(utilization).toBe(Math.round((active / model.max) * 10_000) / 100)
  // After a forced close those who hold something hold something closed.
  const isOpen = (resource: FakeResource) =>
    !driver.closed.includes(resource) && !driver.closing.has(resource)
  const lent = model.holders.map(({ holds }) => holds as FakeResource)
  expect(active).toBe([...lent, ...driver.resetting.keys()].filter(isOpen).length)
  expect(idle).toBe(driver.resting.size)
  expect(driver.openedCount - driver.closed.length, 'opened minus closed is held').toBe(driver.held)
  expect(total).toBe(driver.held - driver.closing.size)
}

class Acquire extends Step {
  override check({ isClosed }: Model): boolean {
    return !isClosed
  }

  act(model: Model, { pool, clock }: Real): void {
    const { idle, waiting } = pool.stats()
    const caller = new Caller(pool)
    const ticket: Ticket = { caller, deadline: clock.now() + model.checkoutTimeoutMs, holds: undefined }
    if (caller.outcome === 'served') {
      expect(waiting, 'nobody jumps the queue').toBe(0)
      expect(idle).toBeGreaterThan(0)
      model.hold(ticket)
    } else {
      model.queue.push(ticket)
    }
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
  act(_model: Model, { driver }: Real): void {
    driver.opening[this.index % Math.max(1, driver.opening.length)]?.fail(new Error('down'))
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

  async act(model: Model, { clock }: Real): Promise<void> {
    const end = clock.now() + this.ms
    while (clock.now() < end) {
      await clock.advance(Math.min(end, Math.max(clock.now() + 1, clock.deadlines.next)) - clock.now())
      model.observe(clock.now())
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
const commands = fc.commands(
  [
    fc.constant(new Acquire()),
    fc.constant(new Acquire()),
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
  { maxCommands: 60 },
)

const limits = fc.record({
  min: fc.nat({ max: 2 }),
  max: fc.integer({ min: 1, max: 4 }),
  connectConcurrency: fc.integer({ min: 1, max: 4 }),
  checkoutTimeoutMs: fc.constantFrom(100, 1000),
  connectTimeoutMs: fc.constantFrom(50, 500),
  idleTimeoutMs: fc.constantFrom(null, 700),
  maxLifetimeMs: fc.constantFrom(null, 2500),
})

/** The database is well again and everybody gives back: after that nothing is left over. */
async function heal(model: Model, real: Real): Promise<void> {
  const { pool, driver, clock } = real
  const step = async () => {
    while (driver.opening.length + driver.resetting.size + driver.closing.size > 0) {
      for (const attempt of [...driver.opening]) attempt.succeed()
      for (const reset of driver.resetting.values()) reset.resolve()
      for (const closing of driver.closing.values()) closing.resolve()
      await settled()
    }
    model.observe(clock.now())
    for (let holder = model.takeHolder(0); holder; holder = model.takeHolder(0)) holder.caller.release()
    await settled()
    model.observe(clock.now())
  }
  await step()
  if (!model.isClosed) {
    // A pause after failures may be under way: whoever asks now is served when it is over.
    await new Acquire().run(model, real)
    const last = model.queue.at(-1)
    await step()
    for (let ms = 0; ms < 1000 && model.queue.length > 0; ms += 25) {
      await clock.advance(25)
      await step()
    }
    if (last !== undefined && model.checkoutTimeoutMs >= 1000) expect(last.caller.outcome).toBe('served')
    await clock.advance(2000)
    expect(pool.stats().total).toBeLessThanOrEqual(model.max)
    void pool.close(500)
    model.isClosed = true
  }
  await step()
  await clock.advance(500)
  await step()
}

test('whatever happens, resources have one owner, the queue is fair, and nothing is lost', async () => {
  await fc.assert(
    fc.asyncProperty(
      limits,
      fc.double({ min: 0, max: 1, noNaN: true }),
      commands,
      async (limits, random, steps) => {
        const real = poolOf(limits, { open: 'manual', reset: 'manual', close: 'manual' }, () => random)
        const model = new Model(limits.max, limits.checkoutTimeoutMs)
        await fc.asyncModelRun(() => ({ model, real }), steps)
        await heal(model, real)
        expect(real.pool.stats()).toMatchObject({ total: 0, active: 0, idle: 0, waiting: 0 })
        expect(real.driver.held).toBe(0)
        expect(real.driver.openedCount).toBe(real.driver.closed.length)
        expect(real.clock.deadlines.size).toBe(0)
      },
    ),
    { numRuns: 1000 },
  )
})
