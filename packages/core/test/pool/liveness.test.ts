import { describe, expect, test } from 'vitest'
import { Caller, callers } from '../support/caller.ts'
import type { FakeResource } from '../support/fake-driver.ts'
import { poolOf, type TestPool } from '../support/pool-of.ts'
import { settled } from '../support/settled.ts'

const LIMITS = { max: 4, pingAfterIdleMs: 1000, pingTimeoutMs: 500, checkoutTimeoutMs: 2000 }

/** A pool whose `count` connections have rested for `restMs`. */
async function restedPool(
  count: number,
  restMs: number,
  options: Parameters<typeof poolOf>[1] = {},
): Promise<TestPool & { readonly resources: FakeResource[] }> {
  const all = poolOf(LIMITS, { ping: 'manual', ...options })
  const held = callers(count, all.pool)
  await settled()
  const resources = held.map(({ resource }) => resource)
  for (const caller of held) caller.release()
  await all.clock.advance(restMs)
  return { ...all, resources }
}

describe('whether a connection that has rested still answers', () => {
  test('a connection that was used a moment ago is lent at once, without being asked', async () => {
    const { pool, driver } = await restedPool(1, 1000)
    expect(new Caller(pool).outcome).toBe('served')
    expect(driver.pinging.size).toBe(0)
  })

  test('one that has rested for longer is asked first, and is lent when it has answered', async () => {
    const { pool, driver, resources } = await restedPool(1, 1001)
    const caller = new Caller(pool)
    expect(caller.outcome).toBe('waiting')
    expect(pool.stats()).toMatchObject({ active: 1, idle: 0 })
    driver.pinging.values().next().value?.resolve()
    await settled()
    expect(caller.resource).toBe(resources[0])
    expect(pool.counts).toMatchObject({ pingCount: 1, pingFailureCount: 0, openedCount: 1 })
  })

  test('without pingAfterIdleMs nobody is asked', async () => {
    const { pool, driver, clock } = poolOf({ pingAfterIdleMs: null }, { ping: 'manual' })
    const caller = new Caller(pool)
    await settled()
    caller.release()
    await clock.advance(1e9)
    expect(new Caller(pool).outcome).toBe('served')
    expect(driver.pinging.size).toBe(0)
  })

  test('no more are asked than callers wait, and no connection is opened beside', async () => {
    const { pool, driver } = await restedPool(3, 5000, { open: 'at once' })
    callers(2, pool)
    expect(driver.pinging.size).toBe(2)
    expect(driver.openedCount).toBe(3)
    expect(pool.stats().idle).toBe(1)
  })

  test('an answer is no use: the idle timeout goes on', async () => {
    const { pool, driver, clock } = poolOf(
      { ...LIMITS, idleTimeoutMs: 3000 },
      { ping: 'manual', open: 'manual' },
    )
    const first = new Caller(pool)
    driver.opening[0]?.succeed()
    await settled()
    first.release()
    await clock.advance(2000)
    const gone = new Caller(pool)
    gone.leave()
    driver.pinging.values().next().value?.resolve()
    await settled()
    expect(pool.stats().idle).toBe(1)
    await clock.advance(999)
    expect(pool.stats().idle).toBe(1)
    await clock.advance(1)
    expect(pool.stats().total).toBe(0)
  })

  test('a connection that comes back while another is being asked serves the caller', async () => {
    const { pool, driver, clock } = await restedPool(2, 0)
    const busy = new Caller(pool)
    await clock.advance(1001)
    const waiting = new Caller(pool)
    busy.release()
    await settled()
    expect(waiting.resource).toBe(busy.resource)
    driver.pinging.values().next().value?.resolve()
    await settled()
    expect(pool.stats()).toMatchObject({ active: 1, idle: 1 })
  })
})

describe('a connection that does not answer', () => {
  test('fault 10: it is closed without a farewell after pingTimeoutMs, and the caller gets another', async () => {
    const { pool, driver, clock, resources } = await restedPool(1, 5000)
    const caller = new Caller(pool)
    await clock.advance(499)
    expect(driver.closed).toEqual([])
    await clock.advance(1)
    expect(driver.dead).toEqual(resources)
    expect(caller.outcome).toBe('served')
    expect(caller.resource).not.toBe(resources[0])
    expect(pool.counts).toMatchObject({ pingFailureCount: 1 })
    expect(pool.counts.closedCounts).toMatchObject({ dead: 1 })
  })

  test('fault 10: one slow caller in all: its siblings are asked at once, and nobody waits for them', async () => {
    const { pool, driver, clock, resources } = await restedPool(4, 5000)
    const slow = new Caller(pool)
    await clock.advance(500)
    expect(slow.outcome).toBe('served')
    expect(driver.pinging.size).toBe(3)
    slow.release()
    for (let request = 0; request < 20; request++) {
      const caller = new Caller(pool)
      expect(caller.outcome).toBe('served')
      caller.release()
      await clock.advance(50)
    }
    expect(new Set(driver.dead)).toEqual(new Set(resources))
    expect(pool.stats()).toMatchObject({ total: 1, idle: 1 })
  })

  test('siblings that do answer stay', async () => {
    const { pool, driver, clock, resources } = await restedPool(3, 5000)
    const caller = new Caller(pool)
    await clock.advance(500)
    for (const ping of driver.pinging.values()) ping.resolve()
    await settled()
    expect(driver.dead).toHaveLength(1)
    expect(caller.outcome).toBe('served')
    expect(resources).toContain(new Caller(pool).resource)
  })

  test('what has shown a sign of life since is not asked', async () => {
    const { pool, driver, clock } = await restedPool(2, 5000)
    const [asking] = callers(2, pool)
    const [first, second] = [...driver.pinging.values()]
    await clock.advance(100)
    first?.resolve()
    await settled()
    asking?.release()
    second?.reject(new Error('gone'))
    await settled()
    expect(driver.pinging.size).toBe(0)
  })

  test('an answer that comes too late is nothing', async () => {
    const { pool, driver, clock, resources } = await restedPool(1, 5000, { close: 'manual' })
    new Caller(pool)
    const ping = [...driver.pinging.values()][0]
    await clock.advance(500)
    ping?.resolve()
    await settled()
    expect([...driver.closing.keys()]).toEqual(resources)
    expect(pool.stats().idle).toBe(0)
  })

  test('fault 25: a late tick leaves an answer that has come one turn of the loop', async () => {
    const { pool, driver, clock, resources } = await restedPool(1, 5000)
    const caller = new Caller(pool)
    const jumped = clock.jump(3000 - 1500)
    driver.pinging.values().next().value?.resolve()
    await jumped
    expect(caller.resource).toBe(resources[0])
    expect(driver.dead).toEqual([])
  })
})

describe('a connection that breaks in use', () => {
  test.each(['release', 'destroy'] as const)('fault 12: at its %s the idle ones are asked', async (how) => {
    const { pool, driver } = await restedPool(3, 0)
    const caller = new Caller(pool)
    caller.resource.isUsable = false
    caller[how]()
    expect(driver.pinging.size).toBe(2)
    const next = new Caller(pool)
    for (const ping of [...driver.pinging.values()]) ping.reject(new Error('reset'))
    await settled()
    expect(next.outcome).toBe('served')
    expect(driver.closed).toHaveLength(3)
  })

  test('fault 12: a reset that fails has the idle ones asked', async () => {
    const { pool, driver } = poolOf(LIMITS, { ping: 'manual', reset: 'manual' })
    const [a, b] = callers(2, pool)
    await settled()
    a?.release()
    driver.resetting.get((a as Caller<FakeResource>).resource)?.resolve()
    await settled()
    b?.release()
    driver.resetting.get((b as Caller<FakeResource>).resource)?.reject(new Error('no'))
    await settled()
    expect([...driver.pinging.keys()]).toEqual([a?.resource])
  })
})
