import { expect, test } from 'vitest'
import { Caller, callers } from '../support/caller.ts'
import { poolOf } from '../support/pool-of.ts'
import { settled } from '../support/settled.ts'

test('a pool that nobody has asked opens nothing, whatever its min', async () => {
  const { pool, driver, clock } = poolOf({ min: 5, max: 10 })
  expect(pool.tryAcquire()).toBeUndefined()
  await clock.advance(60_000)
  expect(driver.openedCount).toBe(0)
})

test('the first caller has min opened, no more at once than connectConcurrency', async () => {
  const { pool, driver } = poolOf({ min: 5, max: 10, connectConcurrency: 2 }, { open: 'manual' })
  const caller = new Caller(pool)
  expect(driver.opening).toHaveLength(2)
  while (driver.opening.length > 0) {
    expect(driver.opening.length).toBeLessThanOrEqual(2)
    driver.opening[0]?.succeed()
    await settled()
  }
  expect(caller.outcome).toBe('served')
  expect(pool.stats()).toMatchObject({ total: 5, idle: 4, active: 1 })
})

test('fault 12: what is lost is replaced up to min, with nobody waiting', async () => {
  const { pool, driver } = poolOf({ min: 3, max: 10 })
  const held = callers(3, pool)
  await settled()
  for (const caller of held) caller.release()
  for (const { resource } of held) driver.lose(resource)
  await settled()
  expect(driver.closed).toHaveLength(3)
  expect(pool.stats()).toMatchObject({ total: 3, idle: 3 })
})

test('while the database is down the refill goes on trying, with pauses, and ends when it is up', async () => {
  const { pool, driver, clock } = poolOf({ min: 2, max: 4 }, { open: 'manual' }, () => 1)
  new Caller(pool)
  for (let attempts = 0; attempts < 6; attempts++) {
    for (const attempt of [...driver.opening]) attempt.fail(new Error('down'))
    await clock.advance(1000)
    expect(driver.opening).toHaveLength(1)
  }
  while (driver.opening.length > 0) {
    driver.opening[0]?.succeed()
    await settled()
  }
  expect(pool.stats()).toMatchObject({ total: 2, idle: 2 })
  expect(clock.deadlines.size).toBe(0)
})

test('the idle timeout leaves min open, and a lifetime that ends is followed by a new one', async () => {
  const { pool, driver, clock } = poolOf({ min: 2, max: 6, idleTimeoutMs: 1000, maxLifetimeMs: 10_000 })
  const held = callers(6, pool)
  await settled()
  for (const caller of held) caller.release()
  await clock.advance(5000)
  expect(pool.stats()).toMatchObject({ total: 2, idle: 2 })
  await clock.advance(95_000)
  expect(pool.stats()).toMatchObject({ total: 2, idle: 2 })
  expect(pool.counts.closedCounts).toMatchObject({ idle: 4, lifetime: 20 })
  expect(driver.peak).toBeLessThanOrEqual(6)
})

test('nothing is closed for its age in use, and its place is filled when it comes back', async () => {
  const { pool, driver, clock } = poolOf({ min: 1, max: 1, maxLifetimeMs: 1000 })
  const caller = new Caller(pool)
  await clock.advance(100_000)
  expect(driver.closed).toEqual([])
  caller.release()
  await settled()
  expect(driver.closed).toEqual([caller.resource])
  expect(pool.stats()).toMatchObject({ total: 1, idle: 1 })
})
