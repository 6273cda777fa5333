import { describe, expect, test } from 'vitest'
import { CheckoutTimeoutError, PoolDrainingError } from '../../src/errors.ts'
import { Caller, callers } from '../support/caller.ts'
import type { FakeResource } from '../support/fake-driver.ts'
import { Outcome } from '../support/outcome.ts'
import { poolOf } from '../support/pool-of.ts'
import { settled } from '../support/settled.ts'

describe('pause and resume', () => {
  test('a paused pool lends nothing and opens nothing; callers wait, and are served by resume in their order', async () => {
    const { pool, driver } = poolOf({ max: 2 })
    const holder = new Caller(pool)
    await settled()
    holder.release()
    pool.pause()
    const waiting = callers(3, pool)
    await settled()
    expect(waiting.map(({ outcome }) => outcome)).toEqual(['waiting', 'waiting', 'waiting'])
    expect(pool.stats()).toMatchObject({ idle: 1, waiting: 3 })
    pool.resume()
    await settled()
    expect(waiting.map(({ outcome }) => outcome)).toEqual(['served', 'served', 'waiting'])
    expect(waiting[0]?.resource).toBe(holder.resource)
    expect(driver.openedCount).toBe(2)
  })

  test('what comes back meanwhile rests, and deadlines hold', async () => {
    const { pool, clock } = poolOf({ max: 1 })
    const holder = new Caller(pool)
    await settled()
    pool.pause()
    const waiting = new Caller(pool, 1000)
    holder.release()
    expect(pool.stats()).toMatchObject({ idle: 1, waiting: 1 })
    await clock.advance(1000)
    expect(waiting.error).toBeInstanceOf(CheckoutTimeoutError)
  })

  test('pausing twice, resuming what is not paused and resuming a closed pool change nothing', async () => {
    const { pool } = poolOf()
    pool.resume()
    pool.pause()
    pool.pause()
    pool.resume()
    const caller = new Caller(pool)
    await settled()
    caller.release()
    await pool.close(0)
    pool.pause()
    pool.resume()
    expect(() => pool.tryAcquire()).toThrow(PoolDrainingError)
  })

  test('a paused pool can be closed', async () => {
    const { pool } = poolOf()
    pool.pause()
    const waiting = new Caller(pool)
    await pool.close(0)
    expect(waiting.error).toBeInstanceOf(PoolDrainingError)
  })
})

describe('rotate', () => {
  test('what is idle goes at once, what is lent when it comes back, and nothing in use is closed', async () => {
    const { pool, driver } = poolOf({ max: 3 })
    const [a, b, c] = callers(3, pool)
    await settled()
    c?.release()
    const rotated = new Outcome(pool.rotate())
    expect(driver.closed).toEqual([c?.resource])
    await settled()
    expect(rotated.state).toBe('pending')
    a?.release()
    await settled()
    expect(rotated.state).toBe('pending')
    const fresh = new Caller(pool)
    b?.destroy()
    await settled()
    expect(rotated.state).toBe('fulfilled')
    expect(driver.closed).toHaveLength(3)
    expect([a, b, c].map((caller) => caller?.resource)).not.toContain(fresh.resource)
    expect(pool.counts.closedCounts).toMatchObject({ rotated: 2, destroyed: 1 })
  })

  test('it settles only when nothing is left of the last one', async () => {
    const { pool, driver } = poolOf({ max: 1 }, { close: 'manual' })
    const caller = new Caller(pool)
    await settled()
    caller.release()
    const rotated = new Outcome(pool.rotate())
    await settled()
    expect(rotated.state).toBe('pending')
    driver.closing.get(caller.resource)?.resolve()
    await settled()
    expect(rotated.state).toBe('fulfilled')
  })

  test('one that is being reset, asked or opened meanwhile is not lent', async () => {
    const { pool, driver, clock } = poolOf(
      { max: 3, pingAfterIdleMs: 1000, checkoutTimeoutMs: 9000 },
      { reset: 'manual', ping: 'manual', open: 'manual' },
    )
    const [a, b] = callers(2, pool)
    for (const attempt of [...driver.opening]) attempt.succeed()
    await settled()
    a?.release()
    driver.resetting.get((a as Caller<FakeResource>).resource)?.resolve()
    await clock.advance(1001)
    b?.release()
    const waiting = callers(3, pool)
    const opening = [...driver.opening]
    expect([driver.pinging.size, driver.resetting.size, opening.length]).toEqual([1, 1, 1])
    const rotated = new Outcome(pool.rotate())
    for (const attempt of opening) expect(attempt.signal.aborted).toBe(true)
    opening[0]?.succeed()
    for (const answer of [...driver.pinging.values(), ...driver.resetting.values()]) answer.resolve()
    await settled()
    expect(waiting.map(({ outcome }) => outcome)).toEqual(['waiting', 'waiting', 'waiting'])
    expect(driver.closed).toHaveLength(3)
    expect(rotated.state).toBe('fulfilled')
    while (driver.opening.length > 0) {
      driver.opening[0]?.succeed()
      await settled()
    }
    expect(waiting.map(({ outcome }) => outcome)).toEqual(['served', 'served', 'served'])
  })

  test('min are opened anew, a few at a time', async () => {
    const { pool, driver } = poolOf({ min: 6, max: 6, connectConcurrency: 2 }, { open: 'manual' })
    new Caller(pool).leave()
    while (driver.opening.length > 0) {
      driver.opening[0]?.succeed()
      await settled()
    }
    expect(pool.stats()).toMatchObject({ total: 6, idle: 6 })
    void pool.rotate()
    await settled()
    expect(driver.opening).toHaveLength(2)
    while (driver.opening.length > 0) {
      driver.opening[0]?.succeed()
      await settled()
    }
    expect(pool.stats()).toMatchObject({ total: 6, idle: 6 })
    expect(driver.closed).toHaveLength(6)
  })

  test('of two rotations each settles when what was there before it has gone', async () => {
    const { pool } = poolOf({ max: 2 })
    const old = new Caller(pool)
    await settled()
    const first = new Outcome(pool.rotate())
    const younger = new Caller(pool)
    await settled()
    const second = new Outcome(pool.rotate())
    old.release()
    await settled()
    expect([first.state, second.state]).toEqual(['fulfilled', 'pending'])
    younger.release()
    await settled()
    expect(second.state).toBe('fulfilled')
  })

  test('of an empty pool it settles at once', async () => {
    const { pool } = poolOf()
    const rotated = new Outcome(pool.rotate())
    await settled()
    expect(rotated.state).toBe('fulfilled')
  })
})
