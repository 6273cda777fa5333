import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FairQueue } from '../../src/pool/fair-queue.ts'
import { PoolWaiter } from '../../src/pool/pool-waiter.ts'
import { Caller, callers } from '../support/caller.ts'
import type { FakeResource } from '../support/fake-driver.ts'
import { poolOf } from '../support/pool-of.ts'
import { settled } from '../support/settled.ts'

function outcomes(list: readonly Caller<FakeResource>[]): string[] {
  return list.map(({ outcome }) => outcome)
}

test('fault 18: a tenant holds no more than perTenantMax, though connections are idle', async () => {
  const { pool } = poolOf({ max: 4, perTenantMax: 2 })
  const hot = callers(4, pool, 'hot')
  await settled()
  expect(outcomes(hot)).toEqual(['served', 'served', 'waiting', 'waiting'])
  expect(pool.stats()).toMatchObject({ total: 2, active: 2, waiting: 2 })
  const neighbour = new Caller(pool, undefined, 'cold')
  await settled()
  expect(neighbour.outcome).toBe('served')
  neighbour.release()
  expect(pool.stats()).toMatchObject({ idle: 1 })
  expect(new Caller(pool, undefined, 'hot').outcome).toBe('waiting')
})

test('fault 18: whoever waits for a tenant with its share is served when one of that share is back', async () => {
  const { pool } = poolOf({ max: 4, perTenantMax: 1 })
  const [first, second] = callers(2, pool, 'hot')
  const other = new Caller(pool, undefined, 'cold')
  await settled()
  expect(outcomes([second as Caller<FakeResource>])).toEqual(['waiting'])
  other.release()
  await settled()
  expect(second?.outcome).toBe('waiting')
  first?.release()
  await settled()
  expect(second?.outcome).toBe('served')
})

test('a share is free when its connection is closed, and another that is idle serves who waits', async () => {
  const { pool } = poolOf({ max: 2, perTenantMax: 1 })
  const hot = new Caller(pool, undefined, 'hot')
  const cold = new Caller(pool, undefined, 'cold')
  await settled()
  cold.release()
  const waiting = new Caller(pool, undefined, 'hot')
  expect(waiting.outcome).toBe('waiting')
  hot.destroy()
  await settled()
  expect(waiting.resource).toBe(cold.resource)
})

test('a share is free only when its connection has been reset', async () => {
  const { pool, driver } = poolOf({ max: 4, perTenantMax: 1 }, { reset: 'manual' })
  const hot = new Caller(pool, undefined, 'hot')
  await settled()
  hot.release()
  const waiting = new Caller(pool, undefined, 'hot')
  await settled()
  expect(waiting.outcome).toBe('waiting')
  driver.resetting.get(hot.resource)?.resolve()
  await settled()
  expect(waiting.outcome).toBe('served')
})

test('no connection is opened for whoever may not have one', async () => {
  const { pool, driver } = poolOf({ max: 10, perTenantMax: 2, connectConcurrency: 10 }, { open: 'manual' })
  callers(5, pool, 'hot')
  expect(driver.opening).toHaveLength(2)
  callers(5, pool, 'cold')
  expect(driver.opening).toHaveLength(4)
})

test('tenants take turns, whoever has none of them together, and each is served in its order', async () => {
  const { pool } = poolOf({ max: 1, perTenantMax: 1 })
  const holder = new Caller(pool)
  await settled()
  const asked = ['a', 'a', 'a', 'b', undefined, 'b', undefined].map(
    (tenant, index) => ({ name: `${tenant}${index}`, caller: new Caller(pool, undefined, tenant) }) as const,
  )
  const order: string[] = []
  holder.release()
  while (order.length < asked.length) {
    await settled()
    const next = asked.find(({ name, caller }) => caller.outcome === 'served' && !order.includes(name))
    order.push((next as (typeof asked)[0]).name)
    next?.caller.release()
  }
  expect(order).toEqual(['a0', 'b3', 'undefined4', 'a1', 'b5', 'undefined6', 'a2'])
})

test('without perTenantMax the queue is first come, first served, whoever it is', async () => {
  const { pool } = poolOf({ max: 1 })
  const holder = new Caller(pool, undefined, 'a')
  await settled()
  const [a, b] = [new Caller(pool, undefined, 'a'), new Caller(pool, undefined, 'b')]
  holder.release()
  await settled()
  expect(outcomes([a, b])).toEqual(['served', 'waiting'])
})

test('when nothing can come everybody is told, those with a full share included', async () => {
  const { pool, driver } = poolOf({ max: 4, perTenantMax: 1 }, { open: 'manual' })
  const waiting = [...callers(2, pool, 'hot'), ...callers(2, pool, 'cold')]
  for (const attempt of [...driver.opening]) attempt.fail(new Error('down'))
  await settled()
  expect(outcomes(waiting)).toEqual(['refused', 'refused', 'refused', 'refused'])
  expect(pool.stats().waiting).toBe(0)
})

test('whatever comes and goes, the queue knows how many may have something, and who is next', () => {
  const tenant = fc.constantFrom(undefined, 'a', 'b', 'c')
  const step = fc.oneof(
    tenant.map((name) => ({ kind: 'add', name }) as const),
    fc.nat({ max: 9 }).map((index) => ({ kind: 'leave', index }) as const),
    fc.constant({ kind: 'serve' } as const),
    fc.nat({ max: 9 }).map((index) => ({ kind: 'return', index }) as const),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (steps, perTenantMax) => {
      const queue = new FairQueue<FakeResource>(perTenantMax)
      const waiting: PoolWaiter<FakeResource>[] = []
      const lent: (string | undefined)[] = []
      const left = (name: string | undefined) =>
        name === undefined ? Infinity : perTenantMax - lent.filter((other) => other === name).length
      for (const next of steps) {
        if (next.kind === 'add') {
          const waiter = new PoolWaiter<FakeResource>({ since: 0, timeoutMs: 1, tenant: next.name })
          queue.add(waiter)
          waiting.push(waiter)
        } else if (next.kind === 'leave') {
          const [gone] = waiting.splice(next.index, 1)
          if (gone !== undefined) expect(queue.delete(gone, false)).toBe(true)
          if (gone !== undefined) expect(queue.delete(gone, false)).toBe(false)
        } else if (next.kind === 'return') {
          if (next.index < lent.length) queue.returned(lent.splice(next.index, 1)[0])
        } else {
          const waiter = queue.peek()
          const mayHave = waiting.filter(({ tenant }) => left(tenant) > 0)
          expect(waiter === undefined).toBe(mayHave.length === 0)
          if (waiter === undefined) continue
          expect(mayHave.find(({ tenant }) => tenant === waiter.tenant)).toBe(waiter)
          queue.delete(waiter, true)
          waiting.splice(waiting.indexOf(waiter), 1)
          queue.lent(waiter.tenant)
          lent.push(waiter.tenant)
        }
        const names = [...new Set(waiting.map(({ tenant }) => tenant))]
        const eligible = names.map((name) =>
          Math.min(left(name), waiting.filter(({ tenant }) => tenant === name).length),
        )
        expect(queue.eligible(100)).toBe(eligible.reduce((sum, count) => sum + count, 0))
        expect(queue.size).toBe(waiting.length)
        expect(new Set(queue)).toEqual(new Set(waiting))
      }
    }),
    { numRuns: 500 },
  )
})

test('fault 18: with one hot tenant the p99 of its neighbours at most doubles', async () => {
  const quiet = await latencies(false)
  const beside = await latencies(true)
  expect(beside.length).toBeGreaterThan(300)
  expect(p99(beside)).toBeLessThanOrEqual(2 * p99(quiet))
})

const SERVICE_MS = 20

/** What requests of ten tenants take in all, alone or beside one that sends ten times what the pool can serve. */
async function latencies(withHot: boolean): Promise<number[]> {
  const { pool, clock } = poolOf({ max: 10, perTenantMax: 5, maxWaiting: 100_000 })
  const taken: number[] = []
  const request = (tenant: string) => {
    const since = clock.now()
    const caller = new Caller(pool, undefined, tenant)
    caller.end.then(
      () =>
        void clock.sleep(SERVICE_MS).then(() => {
          caller.release()
          if (tenant !== 'hot') taken.push(clock.now() - since)
        }),
      () => {},
    )
  }
  for (let ms = 0; ms < 4000; ms++) {
    if (ms % 10 === 0) request(`tenant_${(ms / 10) % 10}`)
    if (withHot) for (let count = 0; count < 5; count++) request('hot')
    await clock.advance(1)
  }
  return taken
}

function p99(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] as number
}
