import { describe, expect, test, vi } from 'vitest'
import {
  CheckoutAbortedError,
  CheckoutTimeoutError,
  PoolDrainingError,
  PoolOverloadedError,
  ShardUnavailableError,
} from '../../src/errors.ts'
import { Caller, callers } from '../support/caller.ts'
import type { Attempt, FakeResource } from '../support/fake-driver.ts'
import { poolOf, type TestPool } from '../support/pool-of.ts'
import { settled } from '../support/settled.ts'

/** A pool of which `count` connections are open and idle; the last of the list was used last. */
async function warmPool(count: number, limits: Parameters<typeof poolOf>[0] = {}): Promise<TestPool> {
  const all = poolOf({ max: Math.max(2, count), ...limits })
  const held = callers(count, all.pool)
  await settled()
  for (const caller of held) caller.release()
  return all
}

function outcomes(list: readonly Caller<FakeResource>[]): string[] {
  return list.map(({ outcome }) => outcome)
}

function thrownBy(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

function first(attempts: readonly Attempt[]): Attempt {
  return attempts[0] as Attempt
}

describe('lending', () => {
  test('the connection used last is lent first', async () => {
    const { pool } = await warmPool(3)
    const [a, b, c] = callers(3, pool)
    a?.release()
    c?.release()
    b?.release()
    const used = [b?.resource, c?.resource, a?.resource]
    expect(callers(3, pool).map(({ resource }) => resource)).toEqual(used)
  })

  test('a free connection is lent synchronously, with no waiter, no deadline and no promise', async () => {
    const { pool, clock } = await warmPool(1, { idleTimeoutMs: null })
    const wait = vi.spyOn(pool, 'wait')
    const add = vi.spyOn(clock.deadlines, 'add')
    const pooled = pool.tryAcquire()
    expect(pooled?.state).toBe('lent')
    expect(pool.release(pooled as NonNullable<typeof pooled>)).toBeUndefined()
    expect(pool.tryAcquire()).toBe(pooled)
    expect(wait).not.toHaveBeenCalled()
    expect(add).not.toHaveBeenCalled()
    expect(clock.deadlines.size).toBe(0)
  })

  test('those who wait are served in the order in which they came', async () => {
    const { pool } = await warmPool(2)
    const [a, b] = callers(2, pool)
    const queue = callers(4, pool)
    b?.release()
    await settled()
    expect(outcomes(queue)).toEqual(['served', 'waiting', 'waiting', 'waiting'])
    a?.release()
    await settled()
    expect(outcomes(queue)).toEqual(['served', 'served', 'waiting', 'waiting'])
    queue[1]?.release()
    await settled()
    expect(outcomes(queue)).toEqual(['served', 'served', 'served', 'waiting'])
  })

  test('nobody who comes later overtakes a waiter, not even in the instant of a release', async () => {
    const { pool } = await warmPool(1, { max: 1 })
    const holder = new Caller(pool)
    const waiting = new Caller(pool)
    holder.release()
    const late = new Caller(pool)
    await settled()
    expect(outcomes([waiting, late])).toEqual(['served', 'waiting'])
  })

  test('nobody waits while a connection is idle', async () => {
    const { pool } = await warmPool(2)
    const holder = new Caller(pool)
    expect(pool.stats()).toMatchObject({ idle: 1, active: 1, waiting: 0 })
    expect(new Caller(pool).outcome).toBe('served')
    holder.release()
    expect(pool.stats()).toMatchObject({ idle: 1, active: 1, waiting: 0 })
  })

  test('a connection that died while it was idle is not lent', async () => {
    const { pool, driver } = await warmPool(2)
    const [a, b] = callers(2, pool)
    a?.release()
    b?.release()
    // The driver knows, but has not told yet.
    ;(b as Caller<FakeResource>).resource.isUsable = false
    expect(new Caller(pool).resource).toBe(a?.resource)
    expect(driver.closed).toEqual([b?.resource])
  })

  test('an idle connection that is lost leaves the pool', async () => {
    const { pool, driver } = await warmPool(2)
    const [a, b] = callers(2, pool)
    a?.release()
    b?.release()
    driver.lose((a as Caller<FakeResource>).resource)
    expect(pool.stats()).toMatchObject({ total: 1, idle: 1 })
    expect(driver.closed).toEqual([a?.resource])
    driver.lose((a as Caller<FakeResource>).resource)
    expect(pool.stats()).toMatchObject({ total: 1, idle: 1 })
  })

  test('a lent connection that is lost stays with its user and is not lent again', async () => {
    const { pool, driver } = await warmPool(1, { max: 1 })
    const holder = new Caller(pool)
    const waiting = new Caller(pool)
    driver.lose(holder.resource)
    expect(pool.stats()).toMatchObject({ total: 1, active: 1 })
    holder.release()
    await settled()
    expect(driver.closed).toEqual([holder.resource])
    expect(waiting.outcome).toBe('served')
    expect(waiting.resource).not.toBe(holder.resource)
  })

  test('a connection given back twice is a mistake that is told', async () => {
    const { pool } = await warmPool(1)
    const caller = new Caller(pool)
    caller.release()
    expect(() => caller.release()).toThrow('given back although it is idle')
    expect(() => caller.destroy()).toThrow('given back although it is idle')
    const again = new Caller(pool)
    again.destroy()
    expect(() => again.destroy()).toThrow('given back although it is closed')
  })
})

describe('bringing back to the baseline', () => {
  test('L8: a connection is lent again only after its reset has succeeded', async () => {
    const { pool, driver } = poolOf({ max: 1 }, { reset: 'manual' })
    const holder = new Caller(pool)
    await settled()
    const waiting = new Caller(pool)
    holder.release()
    await settled()
    expect(waiting.outcome).toBe('waiting')
    expect(pool.stats()).toMatchObject({ active: 1, idle: 0 })
    expect(() => holder.release()).toThrow('given back although it is resetting')
    driver.resetting.get(holder.resource)?.resolve()
    await settled()
    expect(waiting.resource).toBe(holder.resource)
  })

  test('L8: a connection whose reset fails is closed, and its place goes to the next waiter', async () => {
    const { pool, driver } = poolOf({ max: 1 }, { reset: 'manual', close: 'manual' })
    const holder = new Caller(pool)
    await settled()
    const waiting = new Caller(pool)
    holder.release()
    driver.resetting.get(holder.resource)?.reject(new Error('no'))
    await settled()
    expect(driver.opening).toHaveLength(0)
    expect(waiting.outcome).toBe('waiting')
    driver.closing.get(holder.resource)?.resolve()
    await settled()
    expect(waiting.outcome).toBe('served')
    expect(waiting.resource).not.toBe(holder.resource)
  })

  test('a connection that dies during its reset is closed once', async () => {
    const { pool, driver } = poolOf({ max: 1 }, { reset: 'manual' })
    const holder = new Caller(pool)
    await settled()
    holder.release()
    driver.lose(holder.resource)
    driver.resetting.get(holder.resource)?.resolve()
    await settled()
    expect(driver.closed).toEqual([holder.resource])
    expect(pool.stats()).toMatchObject({ total: 0, active: 0 })
  })

  test('nobody takes the trouble to reset what will be closed anyway', async () => {
    const { pool, driver, clock } = poolOf({ max: 2, maxLifetimeMs: 1000 }, { reset: 'manual' })
    const [old, young] = callers(2, pool)
    await settled()
    await clock.advance(1000)
    old?.release()
    void pool.close(5000)
    young?.release()
    expect(driver.resetting.size).toBe(0)
    expect(driver.closed).toHaveLength(2)
  })
})

describe('limits', () => {
  test('connections open, being opened and being closed never exceed max', async () => {
    const { pool, driver } = poolOf({ max: 3, connectConcurrency: 10 }, { open: 'manual', close: 'manual' })
    const all = callers(10, pool)
    expect(driver.opening).toHaveLength(3)
    for (const attempt of [...driver.opening]) attempt.succeed()
    await settled()
    all[0]?.destroy()
    expect(pool.stats().total).toBe(2)
    expect(driver.opening).toHaveLength(0)
    driver.closing.values().next().value?.resolve()
    await settled()
    expect(driver.opening).toHaveLength(1)
    expect(driver.peak).toBe(3)
  })

  test('the place of a destroyed connection goes to the next waiter', async () => {
    const { pool, driver } = await warmPool(1, { max: 1 })
    const holder = new Caller(pool)
    const waiting = new Caller(pool)
    holder.destroy()
    await settled()
    expect(waiting.outcome).toBe('served')
    expect(driver.openedCount).toBe(2)
  })

  test('a queue that is full refuses the next caller at once', async () => {
    const { pool } = await warmPool(1, { max: 1, maxWaiting: 2 })
    const holder = new Caller(pool)
    const queue = callers(2, pool)
    expect(() => pool.assertAvailable()).toThrow(PoolOverloadedError)
    expect(() => pool.wait()).toThrow(/2 callers already wait.*pool\.maxWaiting/)
    expect(pool.stats().waiting).toBe(2)
    queue[0]?.leave()
    expect(() => pool.assertAvailable()).not.toThrow()
    holder.release()
    await settled()
    expect(queue[1]?.outcome).toBe('served')
  })

  test('those for whom a connection can still be opened do not count as waiting', async () => {
    const { pool } = poolOf({ max: 3, maxWaiting: 0 }, { open: 'manual' })
    callers(3, pool)
    expect(() => new Caller(pool)).toThrow(PoolOverloadedError)
  })

  test('with maxWaiting 0 a caller is refused exactly while everything is lent', async () => {
    const { pool } = poolOf({ max: 1, maxWaiting: 0 })
    const holder = new Caller(pool)
    await settled()
    expect(holder.outcome).toBe('served')
    expect(() => new Caller(pool)).toThrow(PoolOverloadedError)
    holder.release()
    expect(new Caller(pool).outcome).toBe('served')
  })
})

describe('the deadline of a checkout', () => {
  test('a caller who got nothing is told so exactly at his deadline', async () => {
    const { pool, clock } = await warmPool(1, { max: 1 })
    new Caller(pool)
    const waiting = new Caller(pool)
    await clock.advance(1999)
    expect(waiting.outcome).toBe('waiting')
    await clock.advance(1)
    expect(waiting.error).toBeInstanceOf(CheckoutTimeoutError)
    expect(waiting.error).toMatchObject({ shard: 'shard_0', statusCode: 503, retryable: true })
    expect(waiting.error?.cause).toBeUndefined()
    expect(waiting.error?.message).toContain('within 2000 ms (1 of 1 in use, 0 more waiting)')
    expect(pool.stats().waiting).toBe(0)
  })

  test('the deadline holds while every attempt to connect hangs', async () => {
    const { pool, clock } = poolOf({ checkoutTimeoutMs: 1000, connectTimeoutMs: 60_000 }, { open: 'manual' })
    const waiting = callers(3, pool)
    await clock.advance(1000)
    expect(outcomes(waiting)).toEqual(['refused', 'refused', 'refused'])
    expect(waiting.every(({ error }) => error instanceof CheckoutTimeoutError)).toBe(true)
  })

  test('each caller may bring a deadline of his own', async () => {
    const { pool, clock } = await warmPool(1, { max: 1 })
    new Caller(pool)
    const patient = new Caller(pool)
    const hasty = new Caller(pool, 100)
    await clock.advance(100)
    expect(outcomes([patient, hasty])).toEqual(['waiting', 'refused'])
  })

  test('a time that expires because the event loop was blocked refuses each caller once', async () => {
    const { pool, clock } = await warmPool(1, { max: 1 })
    const holder = new Caller(pool)
    const waiting = callers(3, pool)
    await clock.jump(30_000)
    expect(outcomes(waiting)).toEqual(['refused', 'refused', 'refused'])
    holder.release()
    expect(pool.stats()).toMatchObject({ active: 0, idle: 1, waiting: 0 })
  })

  test('an error of connecting is the cause for those who waited when it happened, and for nobody after', async () => {
    const { pool, driver, clock } = poolOf({ max: 2, connectTimeoutMs: 60_000 }, { open: 'manual' })
    const holder = new Caller(pool)
    first(driver.opening).succeed()
    await settled()
    const unlucky = new Caller(pool)
    const refused = new Error('too many connections')
    first(driver.opening).fail(refused)
    await clock.advance(1000)
    const later = new Caller(pool)
    await clock.advance(2000)
    expect(holder.outcome).toBe('served')
    expect(unlucky.error).toBeInstanceOf(CheckoutTimeoutError)
    expect(unlucky.error?.cause).toBe(refused)
    expect(later.error).toBeInstanceOf(CheckoutTimeoutError)
    expect(later.error?.cause).toBeUndefined()
  })
})

describe('leaving the queue', () => {
  test('whoever leaves takes nothing and is told why', async () => {
    const { pool, clock } = await warmPool(1, { max: 1 })
    const holder = new Caller(pool)
    const [gone, next] = callers(2, pool)
    expect(gone?.leave()).toBe(true)
    expect(gone?.leave()).toBe(false)
    holder.release()
    await settled()
    expect(gone?.error).toBeInstanceOf(CheckoutAbortedError)
    expect(next?.outcome).toBe('served')
    expect(clock.deadlines.size).toBe(0)
  })

  test('fault 3: whoever is served in the instant in which he leaves was served, and owns what he got', async () => {
    const { pool } = await warmPool(1, { max: 1 })
    const holder = new Caller(pool)
    const waiting = new Caller(pool)
    holder.release()
    expect(waiting.leave()).toBe(false)
    await settled()
    expect(waiting.outcome).toBe('served')
    expect(pool.stats()).toMatchObject({ active: 1, idle: 0 })
    waiting.release()
    expect(pool.stats()).toMatchObject({ active: 0, idle: 1 })
  })

  test('fault 3: whoever leaves in the instant of a release leaves it to the next', async () => {
    const { pool } = await warmPool(1, { max: 1 })
    const holder = new Caller(pool)
    const [gone, next] = callers(2, pool)
    gone?.leave()
    holder.release()
    await settled()
    expect(outcomes([gone, next] as Caller<FakeResource>[])).toEqual(['refused', 'served'])
  })

  test('fault 3: whoever times out cannot leave any more, and the other way round', async () => {
    const { pool, clock } = await warmPool(1, { max: 1 })
    new Caller(pool)
    const [expired, gone] = callers(2, pool)
    gone?.leave()
    await clock.advance(2000)
    expect(expired?.leave()).toBe(false)
    expect(expired?.error).toBeInstanceOf(CheckoutTimeoutError)
    expect(gone?.error).toBeInstanceOf(CheckoutAbortedError)
  })
})

describe('connecting', () => {
  test('nothing is opened before somebody asks', async () => {
    const { driver, clock } = poolOf({ min: 2 })
    await clock.advance(60_000)
    expect(driver.openedCount).toBe(0)
    expect(clock.deadlines.size).toBe(0)
  })

  test('a cold pool opens several connections at once, but no more than connectConcurrency', async () => {
    const { pool, driver } = poolOf({ max: 50, connectConcurrency: 4 }, { open: 'manual' })
    callers(20, pool)
    expect(driver.opening).toHaveLength(4)
    first(driver.opening).succeed()
    await settled()
    expect(driver.opening).toHaveLength(4)
  })

  test('no more connections are opened than callers wait', async () => {
    const { pool, driver } = poolOf({ max: 50, connectConcurrency: 50 }, { open: 'manual' })
    const [a, b] = callers(2, pool)
    expect(driver.opening).toHaveLength(2)
    a?.leave()
    b?.leave()
    callers(3, pool)
    expect(driver.opening).toHaveLength(3)
  })

  test('a returned connection wins over a pending attempt, and the attempt rests in the pool', async () => {
    const { pool, driver } = poolOf({ max: 2 }, { open: 'manual' })
    const holder = new Caller(pool)
    first(driver.opening).succeed()
    await settled()
    const waiting = new Caller(pool)
    expect(driver.opening).toHaveLength(1)
    holder.release()
    await settled()
    expect(waiting.resource).toBe(holder.resource)
    first(driver.opening).succeed()
    await settled()
    expect(pool.stats()).toMatchObject({ total: 2, active: 1, idle: 1 })
  })

  test.each([1, 4, 10])(
    'a spike of 50 on 5 connections opens at most %i more',
    async (connectConcurrency) => {
      const { pool, driver, clock } = poolOf(
        { min: 5, max: 50, connectConcurrency, checkoutTimeoutMs: 5000 },
        { open: () => clock.sleep(150) },
      )
      const warm = callers(5, pool)
      await clock.advance(1000)
      for (const caller of warm) caller.release()
      expect(pool.stats()).toMatchObject({ idle: 5 })

      const query = async (caller: Caller<FakeResource>) => {
        while (caller.outcome === 'waiting') await clock.sleep(1)
        await clock.sleep(2)
        caller.release()
      }
      const spike = callers(50, pool)
      const done = Promise.all(spike.map(query))
      await clock.advance(60)
      await done
      await clock.advance(1000)
      expect(pool.stats()).toMatchObject({ active: 0, waiting: 0 })
      expect(pool.stats().total).toBeLessThanOrEqual(5 + connectConcurrency)
      expect(driver.openedCount).toBe(pool.stats().total)
    },
  )

  test('fault 9: an attempt that takes too long is aborted, and tells why', async () => {
    const { pool, driver, clock } = poolOf({ connectTimeoutMs: 500 }, { open: 'manual' })
    const waiting = new Caller(pool)
    const attempt = first(driver.opening)
    await clock.advance(499)
    expect(attempt.signal.aborted).toBe(false)
    await clock.advance(1)
    expect(attempt.signal.aborted).toBe(true)
    expect(waiting.error).toBeInstanceOf(ShardUnavailableError)
    expect(waiting.error?.cause).toMatchObject({ message: 'connecting took longer than 500 ms' })
  })

  test('a connection that comes after its attempt was aborted is closed, never lent, and counts until it is gone', async () => {
    const { pool, driver, clock } = poolOf(
      { max: 1, connectTimeoutMs: 500, checkoutTimeoutMs: 10_000 },
      { open: 'manual', close: 'manual' },
    )
    new Caller(pool)
    const hanging = first(driver.opening)
    await clock.advance(500)
    const late = hanging.succeed()
    await clock.advance(50)
    const waiting = new Caller(pool)
    await clock.advance(1000)
    expect([...driver.closing.keys()]).toEqual([late])
    expect(waiting.outcome).toBe('waiting')
    expect(driver.opening).toHaveLength(0)
    driver.closing.get(late)?.resolve()
    await settled()
    first(driver.opening).succeed()
    await settled()
    expect(waiting.resource).not.toBe(late)
    expect(driver.peak).toBe(1)
  })

  test('fault 8: when nothing is open and connecting fails, all who wait are told the cause at once', async () => {
    const { pool, driver } = poolOf({ max: 2 }, { open: 'manual' })
    const waiting = callers(5, pool)
    const refused = new Error('ECONNREFUSED')
    first(driver.opening).fail(new Error('the first of two'))
    await settled()
    expect(outcomes(waiting)).toEqual(Array(5).fill('waiting'))
    first(driver.opening).fail(refused)
    await settled()
    for (const { error } of waiting) {
      expect(error).toBeInstanceOf(ShardUnavailableError)
      expect(error).toMatchObject({ cause: refused, shard: 'shard_0', statusCode: 503, retryable: true })
    }
    expect(new Set(waiting.map(({ error }) => error)).size).toBe(5)
    expect(pool.stats()).toMatchObject({ total: 0, waiting: 0 })
    expect(pool.counts).toMatchObject({ connectFailureCount: 2, unavailableCount: 5, openedCount: 0 })
  })

  test('fault 15: when connecting fails while a connection is lent, those who wait go on waiting for it', async () => {
    const { pool, driver } = poolOf({ max: 2 }, { open: 'manual' })
    const holder = new Caller(pool)
    first(driver.opening).succeed()
    await settled()
    const waiting = new Caller(pool)
    first(driver.opening).fail(new Error('too many connections'))
    await settled()
    expect(waiting.outcome).toBe('waiting')
    holder.release()
    await settled()
    expect(waiting.resource).toBe(holder.resource)
  })

  test('fault 8: those who wait are told at once when the last connection goes after connecting has failed', async () => {
    const { pool, driver } = poolOf({ max: 2 }, { open: 'manual' })
    const holder = new Caller(pool)
    first(driver.opening).succeed()
    await settled()
    const waiting = new Caller(pool)
    const refused = new Error('down')
    first(driver.opening).fail(refused)
    await settled()
    expect(waiting.outcome).toBe('waiting')
    holder.destroy()
    await settled()
    expect(waiting.error).toBeInstanceOf(ShardUnavailableError)
    expect(waiting.error?.cause).toBe(refused)
  })

  test('fault 8: with nothing open, whoever comes in the pause after a failure is told its cause at once', async () => {
    const { pool, driver, clock } = poolOf({ max: 2 }, { open: 'manual' })
    new Caller(pool)
    const refused = new Error('ECONNREFUSED')
    first(driver.opening).fail(refused)
    await clock.advance(49)
    for (const ask of [() => pool.wait(), () => pool.assertAvailable()]) {
      const error = thrownBy(ask)
      expect(error).toBeInstanceOf(ShardUnavailableError)
      expect(error).toMatchObject({ cause: refused })
    }
    expect(driver.opening).toHaveLength(0)
    expect(clock.deadlines.size).toBe(1)
  })

  test('fault 8: after the pause nobody is told of an old failure before the next attempt has failed', async () => {
    const { pool, driver, clock } = poolOf({ max: 2 }, { open: 'manual' })
    new Caller(pool)
    first(driver.opening).fail(new Error('old'))
    await clock.advance(50)
    const fresh = new Caller(pool)
    expect(fresh.outcome).toBe('waiting')
    expect(driver.opening).toHaveLength(1)
    first(driver.opening).succeed()
    await settled()
    expect(fresh.outcome).toBe('served')
  })
})

describe('pauses after failures to connect', () => {
  /** Lets each attempt fail at once, and says how long after the failure before each attempt came. */
  async function pausesOf(count: number, random: () => number): Promise<number[]> {
    const { pool, driver, clock } = poolOf(
      { max: 4, checkoutTimeoutMs: 3_600_000 },
      { open: 'manual' },
      random,
    )
    const pauses: number[] = []
    const ask = () => {
      if (pool.stats().waiting > 0) return
      try {
        new Caller(pool)
      } catch (error) {
        expect(error).toBeInstanceOf(ShardUnavailableError)
      }
    }
    ask()
    first(driver.opening).fail(new Error('down'))
    await settled()
    let failedAt = clock.now()
    while (pauses.length < count) {
      await clock.advance(1)
      ask()
      if (driver.opening.length === 0) continue
      expect(driver.opening).toHaveLength(1)
      pauses.push(clock.now() - failedAt)
      first(driver.opening).fail(new Error('down'))
      await settled()
      failedAt = clock.now()
    }
    return pauses
  }

  test('the pause lasts from 50 ms to three times the last one, and never more than a second', async () => {
    expect(await pausesOf(6, () => 1)).toEqual([50, 150, 450, 1000, 1000, 1000])
    expect(await pausesOf(4, () => 0)).toEqual([50, 50, 50, 50])
    expect(await pausesOf(4, () => 0.5)).toEqual([50, 100, 175, 288])
  })

  test('attempts that fail together count as one failure', async () => {
    const { pool, driver, clock } = poolOf({ max: 4 }, { open: 'manual' }, () => 1)
    callers(4, pool)
    for (const attempt of [...driver.opening]) attempt.fail(new Error('down'))
    await clock.advance(50)
    new Caller(pool)
    first(driver.opening).fail(new Error('down'))
    await clock.advance(150)
    new Caller(pool)
    expect(driver.opening).toHaveLength(1)
  })

  test('after a failure one attempt runs at a time, and twice as many after each that succeeds', async () => {
    const { pool, driver, clock } = poolOf({ max: 10, connectConcurrency: 4 }, { open: 'manual' })
    callers(1, pool)
    first(driver.opening).fail(new Error('down'))
    await clock.advance(50)
    callers(8, pool)
    expect(driver.opening).toHaveLength(1)
    first(driver.opening).succeed()
    await settled()
    expect(driver.opening).toHaveLength(2)
    first(driver.opening).succeed()
    await settled()
    expect(driver.opening).toHaveLength(4)
  })
})

describe('rest and age', () => {
  test('a connection that was idle for idleTimeoutMs is closed, unless it is one of min', async () => {
    const { pool, driver, clock } = await warmPool(3, { min: 1, idleTimeoutMs: 1000 })
    const busy = new Caller(pool)
    await clock.advance(600)
    busy.release()
    await clock.advance(399)
    expect(pool.stats().total).toBe(3)
    await clock.advance(1)
    expect(pool.stats()).toMatchObject({ total: 1, idle: 1 })
    await clock.advance(100_000)
    expect(pool.stats()).toMatchObject({ total: 1, idle: 1 })
    expect(driver.closed).not.toContain(busy.resource)
    expect(new Caller(pool).resource).toBe(busy.resource)
  })

  test('without idleTimeoutMs and maxLifetimeMs an idle pool waits for nothing', async () => {
    const { pool, clock } = await warmPool(3)
    expect(clock.deadlines.size).toBe(0)
    await clock.advance(1e9)
    expect(pool.stats().idle).toBe(3)
  })

  test('use puts the idle timeout off', async () => {
    const { pool, clock } = await warmPool(1, { idleTimeoutMs: 1000 })
    for (let round = 0; round < 5; round++) {
      await clock.advance(900)
      new Caller(pool).release()
    }
    expect(pool.stats().total).toBe(1)
    await clock.advance(1000)
    expect(pool.stats().total).toBe(0)
    expect(clock.deadlines.size).toBe(0)
  })

  test('a connection past its lifetime is closed while idle, and replaced if it is one of min', async () => {
    const { pool, driver, clock } = await warmPool(1, { min: 1, maxLifetimeMs: 10_000 })
    await clock.advance(9999)
    expect(driver.closed).toHaveLength(0)
    await clock.advance(1)
    expect(driver.closed).toHaveLength(1)
    expect(driver.openedCount).toBe(2)
    expect(pool.stats()).toMatchObject({ total: 1, idle: 1 })
    expect(pool.counts.closedCounts).toMatchObject({ lifetime: 1, idle: 0 })
  })

  test('a connection past its lifetime stays with its user, and is closed when it comes back', async () => {
    const { pool, driver, clock } = await warmPool(1, { max: 1, maxLifetimeMs: 10_000 })
    const holder = new Caller(pool)
    const waiting = new Caller(pool, 100_000)
    await clock.advance(50_000)
    expect(driver.closed).toEqual([])
    holder.release()
    await settled()
    expect(driver.closed).toEqual([holder.resource])
    expect(waiting.resource).not.toBe(holder.resource)
  })

  test('the lifetime is shortened at random by up to a tenth', async () => {
    for (const [random, expected] of [
      [0, 10_000],
      [0.5, 9500],
      [1, 9000],
    ] as const) {
      const { pool } = poolOf({ maxLifetimeMs: 10_000 }, {}, () => random)
      const caller = new Caller(pool)
      await settled()
      expect(caller.pooled.expiresAt).toBe(expected)
    }
  })

  test('the driver is told when a connection begins to rest and when it ends', async () => {
    const { pool, driver, clock } = await warmPool(2, { idleTimeoutMs: 1000 })
    expect(driver.resting.size).toBe(2)
    const caller = new Caller(pool)
    expect(driver.resting.size).toBe(1)
    await clock.advance(1000)
    expect(driver.resting.size).toBe(0)
    caller.release()
    expect(driver.resting.size).toBe(1)
    await pool.close(0)
    expect(driver.resting.size).toBe(0)
  })
})

describe('close', () => {
  test('a closing pool lends nothing and refuses those who wait', async () => {
    const { pool, driver, clock } = await warmPool(2)
    const [a] = callers(2, pool)
    const waiting = new Caller(pool)
    void pool.close(1000)
    await settled()
    expect(waiting.error).toBeInstanceOf(PoolDrainingError)
    for (const ask of [() => pool.tryAcquire(), () => pool.wait(), () => pool.assertAvailable()])
      expect(ask).toThrow(PoolDrainingError)
    a?.release()
    expect(driver.closed).toEqual([a?.resource])
    expect(clock.deadlines.size).toBe(1)
  })

  test('close settles when everything lent has come back and is closed', async () => {
    const { pool, driver } = poolOf({ max: 3 }, { close: 'manual' })
    const [a, b, c] = callers(3, pool)
    await settled()
    c?.release()
    let isClosed = false
    const closing = pool.close(60_000).then(() => {
      isClosed = true
    })
    a?.release()
    b?.destroy()
    for (const [resource, { resolve }] of [...driver.closing]) {
      await settled()
      expect(isClosed).toBe(false)
      expect(driver.closed).not.toContain(resource)
      resolve()
    }
    await closing
    expect(driver.closed).toHaveLength(3)
    expect(pool.stats()).toMatchObject({ total: 0, active: 0, idle: 0 })
  })

  test('past its deadline the rest is closed under its users, whose late release harms nobody', async () => {
    const { pool, driver, clock } = await warmPool(2)
    const [a, b] = callers(2, pool)
    let isClosed = false
    void pool.close(1000).then(() => {
      isClosed = true
    })
    await clock.advance(999)
    expect(isClosed).toBe(false)
    await clock.advance(1)
    expect(isClosed).toBe(true)
    expect(driver.closed).toHaveLength(2)
    a?.release()
    a?.release()
    b?.destroy()
    expect(driver.closed).toHaveLength(2)
    expect(pool.stats()).toMatchObject({ total: 0, active: 0, idle: 0, waiting: 0 })
  })

  test('a connection that is being reset is closed by force like any other', async () => {
    const { pool, driver, clock } = poolOf({ max: 2 }, { reset: 'manual' })
    const [a, b] = callers(2, pool)
    await settled()
    a?.release()
    b?.release()
    const [resetA, resetB] = [...driver.resetting.values()]
    const closing = pool.close(100)
    await clock.advance(100)
    await closing
    resetA?.resolve()
    resetB?.reject(new Error('no'))
    await settled()
    expect(driver.closed).toHaveLength(2)
  })

  test('close is idempotent and leaves nothing waiting behind', async () => {
    const { pool, clock } = await warmPool(1, { idleTimeoutMs: 1000, maxLifetimeMs: 5000 })
    const closing = pool.close(1000)
    expect(pool.close(5)).toBe(closing)
    await closing
    await pool.close(1000)
    expect(clock.deadlines.size).toBe(0)
  })

  test('attempts to connect are given up, and what comes of them later is closed', async () => {
    const { pool, driver, clock } = poolOf({}, { open: 'manual' })
    const waiting = new Caller(pool)
    const attempt = first(driver.opening)
    await pool.close(1000)
    expect(attempt.signal.aborted).toBe(true)
    expect(waiting.error).toBeInstanceOf(PoolDrainingError)
    attempt.succeed()
    await settled()
    expect(driver.held).toBe(0)
    expect(pool.stats().total).toBe(0)
    expect(clock.deadlines.size).toBe(0)
  })

  test('a closing pool that was pausing after failures does not connect again', async () => {
    const { pool, driver, clock } = poolOf({}, { open: 'manual' })
    new Caller(pool)
    first(driver.opening).fail(new Error('down'))
    await settled()
    await pool.close(1000)
    expect(clock.deadlines.size).toBe(0)
    await clock.advance(5000)
    expect(driver.opening).toHaveLength(0)
  })
})

test('stats count what is lent, idle and waiting, and how much of max is used', async () => {
  const { pool } = await warmPool(3, { max: 3 })
  expect(pool.stats()).toEqual({ total: 3, active: 0, idle: 3, waiting: 0, max: 3, utilization: 0 })
  callers(1, pool)
  expect(pool.stats()).toEqual({ total: 3, active: 1, idle: 2, waiting: 0, max: 3, utilization: 33.33 })
  callers(4, pool)
  expect(pool.stats()).toEqual({ total: 3, active: 3, idle: 0, waiting: 2, max: 3, utilization: 100 })
})

test('Retry-After is one or two seconds, at random', async () => {
  for (const [random, seconds] of [
    [0, 1],
    [0.9, 2],
  ] as const) {
    const { pool } = poolOf({}, {}, () => random)
    void pool.close(0)
    expect(() => pool.tryAcquire()).toThrow(expect.objectContaining({ retryAfter: seconds }))
  }
})
