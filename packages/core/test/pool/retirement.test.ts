import { expect, test } from 'vitest'
import { CheckoutErrors } from '../../src/pool/checkout-errors.ts'
import type { PoolObserver } from '../../src/pool/pool-observer.ts'
import { ShardPool } from '../../src/pool/shard-pool.ts'
import { Caller, callers } from '../support/caller.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FakeDriver } from '../support/fake-driver.ts'
import { LIMITS, OPEN, poolOf } from '../support/pool-of.ts'
import { settled } from '../support/settled.ts'

test('a retired pool closes what is idle, and what comes back once nobody waits for it', async () => {
  const { pool, driver } = poolOf({ max: 2 })
  const [holder, resting, third] = [new Caller(pool), new Caller(pool), new Caller(pool)]
  await settled()
  pool.retire()
  expect(pool.stats()).toMatchObject({ total: 2, active: 2, waiting: 1 })
  resting.release()
  await settled()
  expect(third.outcome, 'whoever waits is served').toBe('served')
  expect(third.resource).toBe(resting.resource)
  third.release()
  holder.release()
  await settled()
  expect(pool.stats()).toMatchObject({ total: 0, idle: 0 })
  expect(driver.openedCount).toBe(2)
})

test('it opens connections for those who still come, and none for min', async () => {
  const { pool, driver } = poolOf({ min: 2, max: 3 })
  const [first] = callers(1, pool)
  await settled()
  first?.release()
  await settled()
  expect(pool.stats().total).toBe(2)
  pool.retire()
  await settled()
  expect(pool.stats().total).toBe(0)
  const opened = driver.openedCount
  const late = new Caller(pool)
  await settled()
  expect(late.outcome).toBe('served')
  expect(driver.openedCount).toBe(opened + 1)
  late.release()
  await settled()
  expect(pool.stats().total).toBe(0)
})

test('it is told to have drained and closed once, when the last has gone', async () => {
  const told: string[] = []
  const note = (what: string) => () => void told.push(what)
  const observer: PoolObserver = {
    connectionOpened: note('opened'),
    connectionClosed: note('closed one'),
    exhausted() {},
    drained: note('drained'),
    closed: note('closed'),
  }
  const clock = new FakeClock()
  const pool = new ShardPool({
    errors: new CheckoutErrors('shard_0', () => 0.5),
    driver: new FakeDriver(),
    limits: LIMITS,
    clock,
    deadlines: clock.deadlines,
    random: () => 0.5,
    gate: OPEN,
    observer,
  })
  const holder = new Caller(pool)
  await settled()
  pool.retire()
  pool.retire()
  holder.release()
  await settled()
  expect(told).toEqual(['opened', 'closed one', 'drained', 'closed'])
  const late = new Caller(pool)
  await settled()
  late.release()
  await settled()
  await pool.close(0)
  expect(told.slice(4)).toEqual(['opened', 'closed one'])
})
