import { describe, expect, test } from 'vitest'
import { type BreakerChange, CircuitBreaker, type Permit } from '../../src/breaker/circuit-breaker.ts'
import type { BreakerConfig } from '../../src/config/resolved-config.ts'
import { FakeClock } from '../support/fake-clock.ts'

const CONFIG: BreakerConfig = {
  failures: 5,
  failingMs: 1000,
  failurePercent: null,
  minOutcomes: 20,
  windowMs: 10_000,
  probeIntervalMs: 900,
}

function openBreaker(config: Partial<BreakerConfig> | null = {}, { isConnected = false } = {}) {
  const clock = new FakeClock()
  const probes: Permit[] = []
  const changes: BreakerChange[] = []
  const breaker = new CircuitBreaker({
    config: config === null ? null : { ...CONFIG, ...config },
    clock,
    deadlines: clock.deadlines,
    random: () => 0.5,
    isConnected: () => isConnected,
    probe: (permit) => probes.push(permit),
    onChange: (change) => changes.push(change),
  })
  const fail = (times = 1, error: unknown = new Error('down')) => {
    for (let i = 0; i < times; i++) breaker.failed(breaker.admit(), { error, isProof: true })
  }
  const lose = (times = 1) => {
    for (let i = 0; i < times; i++)
      breaker.failed(breaker.admit(), { error: new Error('lost'), isProof: false })
  }
  const succeed = () => breaker.succeeded(breaker.admit())
  /** Opens, and lets the time of the next probe come. */
  const probe = async (): Promise<Permit> => {
    const known = probes.length
    while (probes.length === known) await clock.advance(50)
    return probes.at(-1) as Permit
  }
  return { breaker, clock, probes, changes, fail, lose, succeed, probe }
}

describe('trips', () => {
  test('fault 8: after five failures in a row', () => {
    const { breaker, fail, changes } = openBreaker()
    const error = new Error('refused')
    fail(4)
    expect(breaker.name).toBe('closed')
    fail(1, error)
    expect(breaker.name).toBe('open')
    expect(breaker.cause).toBe(error)
    expect(changes).toEqual([{ from: 'closed', to: 'open', cause: error }])
  })

  test('fault 8: after a second of failures, without waiting for the next one', async () => {
    const { breaker, clock, fail } = openBreaker()
    fail()
    await clock.advance(400)
    fail()
    await clock.advance(599)
    expect(breaker.name).toBe('closed')
    await clock.advance(1)
    expect(breaker.name).toBe('open')
  })

  test('not after one failure, however long ago', async () => {
    const { breaker, clock, fail } = openBreaker()
    fail()
    await clock.advance(5000)
    expect(breaker.name).toBe('closed')
    fail()
    expect(breaker.name).toBe('open')
  })

  test('not when failures have nothing to do with each other', async () => {
    const { breaker, clock, fail } = openBreaker()
    for (let i = 0; i < 20; i++) {
      fail()
      await clock.advance(11_000)
    }
    expect(breaker.name).toBe('closed')
  })

  test('not when something succeeds in between', async () => {
    const { breaker, clock, fail, succeed } = openBreaker()
    for (let i = 0; i < 20; i++) {
      fail(4)
      await clock.advance(300)
      succeed()
      await clock.advance(300)
    }
    expect(breaker.name).toBe('closed')
    expect(clock.deadlines.size).toBe(0)
  })

  test('fault 15: with connections that may still answer, only after a second without an answer', async () => {
    const { breaker, clock, fail } = openBreaker({}, { isConnected: true })
    fail(50)
    expect(breaker.name).toBe('closed')
    await clock.advance(1000)
    expect(breaker.name).toBe('open')
  })

  test('fault 12: not because connections are lost, nor because an attempt to connect was lost with them', () => {
    const { breaker, fail, lose } = openBreaker({ failures: 5 })
    lose(50)
    fail(4)
    expect(breaker.name).toBe('closed')
    fail()
    expect(breaker.name).toBe('open')
  })

  test('when half of many outcomes are failures', async () => {
    const { breaker, clock, fail, succeed } = openBreaker({ failurePercent: 50, minOutcomes: 20 })
    for (let i = 0; i < 9; i++) {
      succeed()
      fail()
      await clock.advance(10)
    }
    succeed()
    expect(breaker.name).toBe('closed')
    fail()
    expect(breaker.name).toBe('open')
  })

  test('not when half of what happened long ago were failures', async () => {
    const { breaker, clock, fail, succeed } = openBreaker({ failurePercent: 50, minOutcomes: 20 })
    for (let i = 0; i < 100; i++) {
      succeed()
      fail()
      await clock.advance(1200)
    }
    expect(breaker.name).toBe('closed')
  })

  test('fault 25: not for the time in which the event loop stood still', async () => {
    const { breaker, clock, fail, succeed } = openBreaker()
    fail(2)
    await clock.jump(3000)
    expect(breaker.name).toBe('closed')
    await clock.advance(500)
    succeed()
    await clock.advance(3000)
    expect(breaker.name).toBe('closed')
  })

  test('fault 25: a second after it, when nothing has answered by then', async () => {
    const { breaker, clock, fail } = openBreaker()
    fail(2)
    await clock.jump(3000)
    await clock.advance(1000)
    expect(breaker.name).toBe('open')
  })

  test('never without a configuration', () => {
    const { breaker, fail } = openBreaker(null)
    fail(1000)
    expect(breaker.name).toBe('closed')
  })
})

describe('probes', () => {
  test('one, in its time, and nobody else meanwhile', async () => {
    const { breaker, clock, fail, probes } = openBreaker()
    fail(5)
    expect(breaker.admit()).toBeUndefined()
    await clock.advance(1000)
    expect(probes).toHaveLength(1)
    expect(breaker.name).toBe('half-open')
    expect(breaker.admit()).toBeUndefined()
    expect(breaker.tryProbe()).toBeUndefined()
    await clock.advance(10_000)
    expect(probes).toHaveLength(1)
  })

  test('closes when it succeeds', async () => {
    const { breaker, fail, probe, changes, clock } = openBreaker()
    fail(5)
    breaker.succeeded(await probe())
    expect(breaker.name).toBe('closed')
    expect(changes.map(({ from, to }) => `${from} > ${to}`)).toEqual([
      'closed > open',
      'open > half-open',
      'half-open > closed',
    ])
    expect(clock.deadlines.size).toBe(0)
  })

  test('opens again when it fails, and says with what', async () => {
    const { breaker, fail, probe } = openBreaker()
    fail(5)
    const error = new Error('still down')
    breaker.failed(await probe(), { error, isProof: true })
    expect(breaker.name).toBe('open')
    expect(breaker.cause).toBe(error)
  })

  test('is repeated when it ends without a word about the database', async () => {
    const { breaker, fail, probe } = openBreaker()
    fail(5, 'first')
    breaker.ended(await probe())
    expect(breaker.name).toBe('open')
    expect(breaker.cause).toBe('first')
    breaker.succeeded(await probe())
    expect(breaker.name).toBe('closed')
  })

  test('fault 8: never more than probeIntervalMs from one to the next', async () => {
    const { breaker, fail, probe, clock } = openBreaker()
    fail(5)
    const times: number[] = []
    for (let i = 0; i < 10; i++) {
      const permit = await probe()
      times.push(clock.now())
      breaker.refuse()
      breaker.failed(permit, { error: 'down', isProof: true })
    }
    const intervals = times.slice(1).map((time, index) => time - (times[index] as number))
    expect(Math.max(...intervals)).toBeLessThanOrEqual(900)
    expect(Math.min(...intervals)).toBeGreaterThanOrEqual(100)
  })

  test('fault 9: at once after one that took as long', async () => {
    const { breaker, fail, probe, clock } = openBreaker()
    fail(5)
    for (let i = 0; i < 5; i++) breaker.failed(await probe(), { error: 'down', isProof: true })
    const permit = await probe()
    await clock.advance(1500)
    breaker.failed(permit, { error: 'no answer', isProof: true })
    const since = clock.now()
    await probe()
    expect(clock.now() - since).toBeLessThanOrEqual(100)
  })

  test('fault 16: at most once a second for a server that refuses the credentials', async () => {
    const { breaker, fail, probe, clock } = openBreaker({ probeIntervalMs: 100 })
    const error = { code: '28P01' }
    fail(5, error)
    const times = [clock.now()]
    for (let i = 0; i < 10; i++) {
      const permit = await probe()
      times.push(clock.now())
      breaker.failed(permit, { error, isProof: true })
    }
    const intervals = times.slice(1).map((time, index) => time - (times[index] as number))
    expect(Math.min(...intervals)).toBeGreaterThanOrEqual(1000)
  })

  test('become rare while nobody wants anything, and come at once when somebody does', async () => {
    const { breaker, fail, probe, probes, clock } = openBreaker()
    fail(5)
    const failProbe = async () => breaker.failed(await probe(), { error: 'down', isProof: true })
    while (clock.now() < 40_000) await failProbe()
    const since = clock.now()
    await failProbe()
    expect(clock.now() - since).toBeGreaterThan(5000)
    const known = probes.length
    breaker.refuse()
    expect(probes).toHaveLength(known + 1)
    breaker.refuse()
    expect(probes).toHaveLength(known + 1)
  })

  test('stop with the breaker', async () => {
    const { breaker, fail, clock } = openBreaker()
    fail(5)
    breaker.stop()
    expect(clock.deadlines.size).toBe(0)
  })

  test('tells those who are refused when to come again, in whole seconds', async () => {
    const { breaker, fail } = openBreaker({ probeIntervalMs: 60_000 })
    fail(5)
    expect(breaker.refuse()).toBe(1)
    const release = breaker.isolate()
    expect(breaker.refuse()).toBe(2)
    release()
  })
})

describe('fault 22: a result of an older generation is ignored', () => {
  test('a failure from before the opening does not open again what a probe has closed', async () => {
    const { breaker, fail, probe } = openBreaker({ failures: 1 })
    const old = breaker.admit()
    fail()
    breaker.succeeded(await probe())
    breaker.failed(old, { error: 'late', isProof: true })
    expect(breaker.name).toBe('closed')
  })

  test('a success from before the opening closes nothing', async () => {
    const { breaker, fail, probe } = openBreaker()
    const old = breaker.admit()
    fail(5)
    breaker.succeeded(old)
    expect(breaker.name).toBe('open')
    await probe()
    breaker.succeeded(old)
    expect(breaker.name).toBe('half-open')
  })

  test('nor does a failure from before the opening end a probe', async () => {
    const { breaker, fail, probe } = openBreaker()
    const old = breaker.admit()
    fail(5)
    await probe()
    breaker.failed(old, { error: 'late', isProof: true })
    expect(breaker.name).toBe('half-open')
  })

  test('a probe that was overtaken by close() says nothing more', async () => {
    const { breaker, fail, probe } = openBreaker()
    fail(5)
    const permit = await probe()
    breaker.close()
    breaker.failed(permit, { error: 'late', isProof: true })
    expect(breaker.name).toBe('closed')
  })
})

describe('isolated by hand', () => {
  test('admits nobody until everybody has let go', () => {
    const { breaker, changes } = openBreaker()
    const first = breaker.isolate()
    const second = breaker.isolate()
    expect(breaker.name).toBe('isolated')
    expect(breaker.admit()).toBeUndefined()
    first()
    first()
    expect(breaker.name).toBe('isolated')
    second()
    expect(breaker.name).toBe('closed')
    expect(changes.map(({ to }) => to)).toEqual(['isolated', 'closed'])
  })

  test('stays so whatever is found out meanwhile', async () => {
    const { breaker, fail, probe, clock, probes } = openBreaker()
    fail(5)
    const permit = await probe()
    const release = breaker.isolate()
    breaker.succeeded(permit)
    expect(breaker.name).toBe('isolated')
    await clock.advance(60_000)
    expect(probes).toHaveLength(1)
    release()
    expect(breaker.name).toBe('open')
  })

  test('ends closed when the database has been recovered meanwhile', () => {
    const { breaker, fail } = openBreaker()
    fail(5)
    const release = breaker.isolate()
    breaker.close()
    expect(breaker.name).toBe('isolated')
    release()
    expect(breaker.name).toBe('closed')
  })

  test('works without a configuration', () => {
    const { breaker } = openBreaker(null)
    const release = breaker.isolate()
    expect(breaker.name).toBe('isolated')
    release()
    expect(breaker.name).toBe('closed')
  })
})
