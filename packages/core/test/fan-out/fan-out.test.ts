import {
  CheckoutTimeoutError,
  connectedToAllShards,
  FanOutCancelledError,
  FanOutIncompleteError,
  type FanOutResult,
  FanOutTimeoutError,
  RowsMismatchError,
  ScopeEndedError,
  ScopeLockedError,
  ShardUnavailableError,
  ShardUnknownError,
  setDefaultSharding,
  TenantUnknownError,
  unlocked,
} from '@sherd/core'
import { bound, scaled } from '@sherd/local-servers/test-scale'
import { describe, expect, test } from 'vitest'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { until } from '../support/until.ts'
import { NOWHERE, openShards } from './open-shards.ts'

// biome-ignore lint/suspicious/noExplicitAny: whatever the function returned
function valuesOf({ outcomes }: FanOutResult<unknown>): Record<string, any> {
  return Object.fromEntries(
    outcomes.map((each) => [each.shard, each.status === 'fulfilled' ? each.value : each.reason]),
  )
}

const dead = (dying: number) => (number: number) => (number === dying ? { connection: NOWHERE } : {})

describe('targets', () => {
  test('all shards are asked unless told otherwise, each in its own scope, and results name them', async () => {
    const { sharding, names, nothingBusy } = await openShards({ count: 4 })
    const { db } = sharding
    const result = await sharding.fanOut({}, async ({ shard }) => [
      sharding.requireScope(),
      (await db.raw('select current_schema() as own')).rows[0].own,
      shard,
    ])
    expect(result.outcomes.map(({ shard, status }) => [shard, status])).toEqual(
      names.map((name) => [name, 'fulfilled']),
    )
    for (const { durationMs } of result.outcomes) expect(durationMs).toBeGreaterThan(0)
    for (const name of names) {
      const scope = { shard: name, role: 'writing', preventWrites: false, locked: true }
      expect(valuesOf(result)[name]).toEqual([scope, name, name])
    }
    expect(result.metadata).toEqual({
      totalShards: 4,
      successfulShards: 4,
      failedShards: 0,
      completeness: 100,
    })
    await nothingBusy()
  })

  test('connectedToAllShards(fn) asks all shards of the Sharding around it, or of the default', async () => {
    const { sharding, names } = await openShards({ count: 2 })
    const shards = async ({ outcomes }: FanOutResult) => outcomes.map(({ shard }) => shard)
    setDefaultSharding(sharding)
    expect(await shards(await connectedToAllShards(() => sharding.db.raw('select 1')))).toEqual(names)
    const { sharding: other } = await openShards({ count: 3 })
    await other.connectedTo('shard_1', async () => {
      expect(await shards(await connectedToAllShards(() => 1))).toEqual(other.shardNames)
    })
    expect(await shards(await other.connectedToAllShards(() => 1))).toEqual(other.shardNames)
  })

  test('names and predicates choose shards, in the order of the configuration and each once', async () => {
    const { sharding } = await openShards({ count: 4 })
    const asked = async (shards: string[] | ((name: string) => boolean)) =>
      (await sharding.fanOut({ shards }, () => 1)).outcomes.map(({ shard }) => shard)
    expect(await asked(['shard_2', 'shard_0', 'shard_2'])).toEqual(['shard_0', 'shard_2'])
    expect(await asked((name) => name.endsWith('3'))).toEqual(['shard_3'])
    expect(await errorOf(() => asked(['shard_9']))).toBeInstanceOf(ShardUnknownError)
    expect(await errorOf(() => asked([]))).toBeInstanceOf(TypeError)
  })

  test('tenants are grouped by their shards, and one that nobody knows is an error', async () => {
    const { sharding } = await openShards({
      count: 3,
      shard: (number) => ({ tenants: number === 1 ? ['a', 'b', 7] : [`only-${number}`] }),
    })
    const asked = (tenants: (string | number)[]) => sharding.fanOut({ tenants }, (target) => target.tenants)
    expect(valuesOf(await asked(['b', 'only-2', 7, 'b']))).toEqual({
      shard_1: ['b', '7'],
      shard_2: ['only-2'],
    })
    expect(await errorOf(() => asked(['a', 'nobody']))).toBeInstanceOf(TenantUnknownError)
  })

  test.each([
    [{ concurency: 2 }, /no option "concurency".*"concurrency"/],
    [{ concurrency: 0 }, /"concurrency".*at least 1.*not 0/],
    [{ mode: 'all' }, /"mode".*'complete'.*not 'all'/],
    [{ mode: { atLeast: 0 } }, /"mode"/],
    [{ totalTimeoutMs: 0 }, /"totalTimeoutMs"/],
    [{ shards: ['a'], tenants: ['b'] }, /shards or tenants, not both/],
    [{ signal: 5 }, /"signal".*AbortSignal/],
    [{ allowFanOut: true }, /no option "allowFanOut"/],
    [{ resume: 'x' }, /"resume"/],
  ])('an option that cannot be used is refused before any shard is asked: %j', async (options, message) => {
    const { sharding } = await openShards({ count: 1 })
    let runs = 0
    const error = await errorOf(() => sharding.fanOut(options as never, () => runs++))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toMatch(message)
    expect(runs).toBe(0)
  })
})

describe('modes', () => {
  test("'complete': a shard that is missing is an error that names it, with its reason", async () => {
    const { sharding, nothingBusy } = await openShards({ count: 3, shard: dead(1) })
    const error = await errorOf(() =>
      sharding.fanOut({ onFailure: 'continue' }, () => sharding.db.raw('select 1')),
    )
    expect(error).toBeInstanceOf(FanOutIncompleteError)
    expect(error.message).toMatch(/2 of 3 shards.*\n {2}shard_1: ShardUnavailableError/)
    const { result, cause, statusCode, retryAfter } = error as FanOutIncompleteError
    expect(cause).toBeInstanceOf(ShardUnavailableError)
    expect(result.metadata).toEqual({
      totalShards: 3,
      successfulShards: 2,
      failedShards: 1,
      completeness: 66.66,
    })
    expect(valuesOf(result)['shard_1']).toBe(cause)
    expect([statusCode, retryAfter]).toEqual([503, expect.any(Number)])
    await nothingBusy()
  })

  test('an error that is no outage is 500, for somebody has to mend it', async () => {
    const { sharding } = await openShards({ count: 2 })
    const error = await errorOf(() => sharding.fanOut({}, () => sharding.db('no_such_table')))
    expect(error).toMatchObject({ statusCode: 500, retryable: false })
    expect(error.message).toMatch(/no_such_table/)
  })

  test("'complete': once a shard has failed the others are stopped on the server, and none is begun", async () => {
    const { sharding, running, nothingBusy } = await openShards({ count: 4, shard: dead(0) })
    const asked: string[] = []
    const started = performance.now()
    const error = await errorOf(() =>
      sharding.fanOut({ concurrency: 2 }, async ({ shard }) => {
        asked.push(shard)
        await sharding.db.raw('select pg_sleep(60)')
      }),
    )
    expect(performance.now() - started).toBeLessThan(bound(3000))
    const { result } = error as FanOutIncompleteError
    expect(result.outcomes.map(({ status }) => status)).toEqual(Array(4).fill('rejected'))
    expect(valuesOf(result)['shard_1']).toBeInstanceOf(FanOutCancelledError)
    expect(valuesOf(result)['shard_3']).toMatchObject({
      shard: 'shard_3',
      cause: valuesOf(result)['shard_0'],
    })
    expect(asked).not.toContain('shard_3')
    expect(error.message).toMatch(/stopped or not begun: shard_1, shard_2, shard_3/)
    await until(async () => (await running('pg_sleep')) === 0)
    await nothingBusy()
  })

  test("'partial': whoever answers counts, and the missing are named", async () => {
    const { sharding } = await openShards({ count: 3, shard: dead(2) })
    const result = await sharding.fanOut({ mode: 'partial' }, () => 'here')
    expect(result.outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(valuesOf(result)['shard_2']).toBeInstanceOf(ShardUnavailableError)
  })

  test("'partial' throws if every shard has failed", async () => {
    const { sharding } = await openShards({ count: 2 })
    const fail = () => {
      throw new Error('nothing works')
    }
    const error = await errorOf(() => sharding.fanOut({ mode: 'partial' }, fail))
    expect(error).toBeInstanceOf(FanOutIncompleteError)
    expect(error.message).toMatch(/0 of 2 .* at least one/)
  })

  test('{ atLeast }: so many have to answer, and no more can be asked for than there are', async () => {
    const { sharding } = await openShards({ count: 3, shard: dead(1) })
    const ask = (atLeast: number) => sharding.fanOut({ mode: { atLeast } }, () => 1)
    expect((await ask(2)).metadata).toMatchObject({ successfulShards: 2, failedShards: 1 })
    expect(await errorOf(() => ask(3))).toBeInstanceOf(FanOutIncompleteError)
    expect(await errorOf(() => ask(4))).toBeInstanceOf(RangeError)
  })

  test('rows whose columns differ between shards are an error, unless that is meant', async () => {
    const { sharding } = await openShards({ count: 3 })
    const { db } = sharding
    await sharding.connectedToAllShards(() => db('items').insert({ id: 1, name: 'x' }))
    await sharding.connectedTo('shard_2', () => db.raw('alter table items add added int'))
    const all = () => db('items').select()
    const error = await errorOf(() => sharding.fanOut({}, all))
    expect(error).toBeInstanceOf(RowsMismatchError)
    expect(error.message).toMatch(/"shard_2".*"shard_0".*with "added"/)
    expect((await sharding.fanOut({ columns: 'any' }, all)).metadata.completeness).toBe(100)
    expect((await sharding.fanOut({}, () => db('items').select('id'))).metadata.completeness).toBe(100)
    // The driver's own result names its columns without a row, too.
    await sharding.connectedTo('shard_2', () => db('items').del())
    expect(await errorOf(() => sharding.fanOut({}, () => db.raw('select * from items')))).toBeInstanceOf(
      RowsMismatchError,
    )
  })
})

describe('concurrency', () => {
  test('it is never exceeded and never idle while work waits: seen on the server', async () => {
    const { sharding, running } = await openShards({ count: 12 })
    let most = 0
    let ended = false
    const watch = (async () => {
      while (!ended) most = Math.max(most, await running('pg_sleep'))
    })()
    const started = performance.now()
    await sharding.fanOut({ concurrency: 4 }, () => sharding.db.raw('select pg_sleep(0.2)'))
    const elapsedMs = performance.now() - started
    ended = true
    await watch
    expect(most).toBe(4)
    expect(elapsedMs).toBeGreaterThan(590)
  })

  test('5 are asked at a time unless told otherwise, and each that ends makes room for one: there are no batches', async () => {
    const { sharding } = await openShards({ count: 8 })
    const gates = new Map(sharding.shardNames.map((name) => [name, deferred()]))
    const asked: string[] = []
    const run = sharding.connectedToAllShards(async ({ shard }) => {
      asked.push(shard)
      await gates.get(shard)?.promise
    })
    await until(() => asked.length === 5)
    for (const [done, next] of [
      [3, 'shard_5'],
      [1, 'shard_6'],
      [5, 'shard_7'],
    ] as const) {
      gates.get(`shard_${done}`)?.resolve()
      await until(() => asked.includes(next))
    }
    expect(asked).toHaveLength(8)
    for (const gate of gates.values()) gate.resolve()
    await run
  })

  test('one slow shard delays no other', async () => {
    const { sharding } = await openShards({ count: 6 })
    const slow = deferred()
    let others = 0
    const run = sharding.fanOut({ concurrency: 2 }, async ({ shard }) => {
      if (shard === 'shard_0') return slow.promise
      await sharding.db.raw('select 1')
      others++
      return undefined
    })
    await until(() => others === 5)
    slow.resolve()
    await run
  })

  test('a limit per server holds for all shards on one, and those on others overtake', async () => {
    const elsewhere = (number: number) => ({
      pool: { max: 1 },
      ...(number >= 4 ? { connection: NOWHERE } : {}),
    })
    const { sharding } = await openShards({ count: 6, shard: elsewhere })
    const [here, gate] = [new Set<string>(), deferred()]
    let most = 0
    const run = sharding.fanOut(
      { concurrency: 6, concurrencyPerServer: 2, mode: 'partial' },
      async ({ shard }) => {
        here.add(shard)
        most = Math.max(most, here.size)
        await gate.promise
        here.delete(shard)
      },
    )
    await until(() => here.size === 2)
    gate.resolve()
    const { metadata } = await run
    expect([most, metadata.successfulShards]).toEqual([2, 4])
  })

  test('a shard that was stopped makes room although its function never settles', async () => {
    const { sharding, nothingBusy } = await openShards({ count: 3 })
    const options = { concurrency: 1, shardTimeoutMs: 200, mode: 'partial' } as const
    const result = await sharding.fanOut(options, ({ shard }) =>
      shard === 'shard_0' ? new Promise<string>(() => {}) : shard,
    )
    expect(result.outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    await nothingBusy()
  })
})

describe('deadlines', () => {
  test('shardTimeoutMs stops a shard, on the server too, and names it; the others go on', async () => {
    const { sharding, running, nothingBusy } = await openShards({ count: 3 })
    const { db } = sharding
    const result = await sharding.fanOut({ shardTimeoutMs: 300, mode: 'partial' }, ({ shard }) =>
      db.raw(shard === 'shard_1' ? 'select pg_sleep(60)' : 'select 1'),
    )
    const reason = valuesOf(result)['shard_1']
    expect(reason).toBeInstanceOf(FanOutTimeoutError)
    expect(reason).toMatchObject({
      shard: 'shard_1',
      statusCode: 503,
      message: expect.stringMatching(/300 ms/),
    })
    expect(result.metadata.successfulShards).toBe(2)
    await until(async () => (await running('pg_sleep')) === 0)
    await nothingBusy()
  })

  test('totalTimeoutMs ends everything: what runs is stopped, what waits is never begun, and all are named', async () => {
    const { sharding, running, nothingBusy } = await openShards({ count: 5 })
    const { db } = sharding
    const started = performance.now()
    const error = await errorOf(() =>
      sharding.fanOut({ totalTimeoutMs: 300, concurrency: 2 }, ({ shard }) =>
        db.raw(shard === 'shard_0' ? 'select 1' : 'select pg_sleep(60)'),
      ),
    )
    expect(performance.now() - started).toBeLessThan(bound(350))
    const { result } = error as FanOutIncompleteError
    expect(result.outcomes[0]?.status).toBe('fulfilled')
    for (const outcome of result.outcomes.slice(1)) {
      expect(outcome).toMatchObject({ status: 'rejected' })
      expect(valuesOf(result)[outcome.shard]).toBeInstanceOf(FanOutTimeoutError)
    }
    expect(`${valuesOf(result)['shard_1']}`).toMatch(/was stopped/)
    expect(`${valuesOf(result)['shard_4']}`).toMatch(/had not had its turn/)
    await until(async () => (await running('pg_sleep')) === 0)
    await nothingBusy()
  })

  test('checkoutTimeoutMs bounds how long a connection is waited for', async () => {
    const { sharding, nothingBusy } = await openShards({ count: 2, pool: { max: 1 } })
    const gate = deferred()
    const holder = sharding.connectedTo('shard_1', () => gate.promise)
    await until(() => sharding.stats().shards['shard_1']?.writing.active === 1)
    const result = await sharding.fanOut({ checkoutTimeoutMs: 100, mode: 'partial' }, () => 1)
    expect(valuesOf(result)['shard_1']).toBeInstanceOf(CheckoutTimeoutError)
    gate.resolve()
    await holder
    await nothingBusy()
  })

  test('the signal stops everything, and its reason is the cause', async () => {
    const { sharding, running, nothingBusy } = await openShards({ count: 2 })
    const controller = new AbortController()
    const signals: AbortSignal[] = []
    const failed = errorOf(() =>
      sharding.fanOut({ signal: controller.signal, mode: 'partial' }, ({ signal }) => {
        signals.push(signal, sharding.scopeSignal())
        return sharding.db.raw('select pg_sleep(60)')
      }),
    )
    await until(async () => (await running('pg_sleep')) === 2)
    controller.abort('changed my mind')
    const error = await failed
    expect(error).toBeInstanceOf(FanOutCancelledError)
    expect(error.cause).toBe('changed my mind')
    expect((error as FanOutCancelledError).result.metadata.failedShards).toBe(2)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true, true])
    await until(async () => (await running('pg_sleep')) === 0)
    await nothingBusy()
    const aborted = AbortSignal.abort('before')
    expect(await errorOf(() => sharding.fanOut({ signal: aborted }, () => 1))).toBeInstanceOf(
      FanOutCancelledError,
    )
  })

  test('a lookup of tenants that never answers is bounded, too', async () => {
    const { createSharding } = await import('@sherd/core')
    const sharding = createSharding({
      config: {
        router: { strategy: 'lookup', lookup: () => new Promise(() => {}), lookupTimeoutMs: 60_000 },
        shards: { only: { client: 'pg', connection: NOWHERE } },
      },
    })
    const error = await errorOf(() => sharding.fanOut({ tenants: ['a'], totalTimeoutMs: 100 }, () => 1))
    expect(error).toBeInstanceOf(FanOutTimeoutError)
    await sharding.close()
  })
})

describe('scopes', () => {
  test('what is left running is refused, and what it left open is rolled back, as in any scope', async () => {
    const { sharding, nothingBusy } = await openShards({ count: 2 })
    const { db } = sharding
    const go = deferred()
    const stray: Promise<Error>[] = []
    await sharding.connectedToAllShards(() => {
      stray.push(
        errorOf(async () => {
          await go.promise
          await db.raw('select 1')
        }),
      )
    })
    go.resolve()
    for (const error of await Promise.all(stray)) expect(error).toBeInstanceOf(ScopeEndedError)
    await nothingBusy()
  })

  test("each shard's scope is locked to it, and has no tenant", async () => {
    const { sharding } = await openShards({ count: 2 })
    const errors = await sharding.connectedToAllShards(({ shard }) =>
      errorOf(() => sharding.connectedTo(shard === 'shard_0' ? 'shard_1' : 'shard_0', () => 1)),
    )
    for (const error of Object.values(valuesOf(errors))) expect(error).toBeInstanceOf(ScopeLockedError)
    const nested = await sharding.connectedToAllShards(() =>
      errorOf(() => sharding.connectedToAllShards(() => 1)),
    )
    for (const error of Object.values(valuesOf(nested))) expect(error).toBeInstanceOf(ScopeLockedError)
  })

  test("a job's end stops a fan-out that it did not await, and takes its connections back", async () => {
    const { sharding, running, nothingBusy } = await openShards({ count: 3 })
    let left: Promise<Error> | undefined
    await sharding.connectedTo('shard_0', async () => {
      left = errorOf(() => sharding.connectedToAllShards(() => sharding.db.raw('select pg_sleep(60)')))
      await until(async () => (await running('pg_sleep')) === 3)
    })
    expect(await left).toBeInstanceOf(FanOutCancelledError)
    await until(async () => (await running('pg_sleep')) === 0)
    await nothingBusy()
  })

  test('the role and the prevention of writes come from the scope around, and can be said', async () => {
    const { sharding } = await openShards({ count: 2 })
    const scopes = async (options: object) =>
      Object.values(valuesOf(await sharding.fanOut(options, () => sharding.requireScope()))).map(
        ({ role, preventWrites }) => [role, preventWrites],
      )
    expect(await scopes({ role: 'reading' })).toEqual(Array(2).fill(['reading', true]))
    await sharding.connectedTo({ shard: 'shard_0', preventWrites: true }, async () => {
      expect(await scopes({})).toEqual(Array(2).fill(['writing', true]))
      expect(await scopes({ preventWrites: false })).toEqual(Array(2).fill(['writing', false]))
    })
  })

  test('in a locked scope it is refused, as no option of the call can change; unlocked() lifts the lock', async () => {
    const { sharding, busy } = await openShards({ count: 2 })
    await sharding.connectedTo({ tenant: 'tenant-0', lock: true }, async () => {
      const ways = [
        () => sharding.fanOut({}, () => 1),
        () => sharding.fanOut({ shards: ['shard_0'] }, () => 1),
        () => sharding.connectedToAllShards(() => 1),
        () => sharding.fanOutReduce({ reduce: 'count' }, () => 1),
        async () => sharding.fanOutStream({ orderBy: 'id' }, () => []),
        () => connectedToAllShards(() => 1),
      ]
      for (const way of ways) {
        const error = await errorOf(way as () => Promise<unknown>)
        expect(error).toBeInstanceOf(ScopeLockedError)
        expect(error.message).toMatch(/allowFanOut/)
      }
      expect(busy()).toBe(1)
      expect((await unlocked(() => sharding.connectedToAllShards(() => 1))).metadata.totalShards).toBe(2)
    })
    const { sharding: other } = await openShards({ count: 1 })
    await sharding.connectedTo({ shard: 'shard_0', lock: true }, async () => {
      expect(await errorOf(() => other.connectedToAllShards(() => 1))).toBeInstanceOf(ScopeLockedError)
    })
  })
})

describe('connections', () => {
  test("a scope's own shard is asked on the connection that the scope has, its transaction included", async () => {
    const { sharding, nothingBusy } = await openShards({ count: 3, pool: { max: 1 } })
    const { db } = sharding
    await sharding.connectedTo('shard_1', () =>
      db.transaction(async () => {
        await db('items').insert({ id: 1, name: 'not committed' })
        const result = await sharding.connectedToAllShards(async () =>
          Number((await db('items').count())[0]?.['count']),
        )
        expect(valuesOf(result)).toEqual({ shard_0: 0, shard_1: 1, shard_2: 0 })
        await db('items').insert({ id: 2, name: 'goes on' })
      }),
    )
    expect(await sharding.connectedTo('shard_1', () => db('items'))).toHaveLength(2)
    await nothingBusy()
  })

  test('what is stopped on that connection is its part of the fan-out alone', async () => {
    const { sharding, running } = await openShards({ count: 2 })
    const { db } = sharding
    await sharding.connectedTo('shard_0', async () => {
      const sibling = db.raw('select pg_sleep(0.6) as sibling')
      const waiting = Promise.resolve(sibling)
      await until(async () => (await running('as sibling')) === 1)
      const error = await errorOf(() =>
        sharding.fanOut({ shards: ['shard_0'], shardTimeoutMs: 100 }, () => db.raw('select 1')),
      )
      expect(error).toBeInstanceOf(FanOutIncompleteError)
      await waiting
      const slow = { shards: ['shard_0'], shardTimeoutMs: 100 }
      await errorOf(() => sharding.fanOut(slow, () => db.raw('select pg_sleep(60)')))
      expect((await db.raw('select 1 as one')).rows).toEqual([{ one: 1 }])
    })
  })

  test('a transaction that a stopped shard leaves open is rolled back before anybody else has its connection', async () => {
    const { sharding } = await openShards({ count: 1 })
    const { db } = sharding
    await sharding.connectedTo('shard_0', async () => {
      const options = { shards: ['shard_0'], shardTimeoutMs: 200 }
      await errorOf(() =>
        sharding.fanOut(options, () =>
          db.transaction(async () => {
            await db('items').insert({ id: 1, name: 'lost' })
            await db.raw('select pg_sleep(60)')
          }),
        ),
      )
      await db('items').insert({ id: 2, name: 'kept' })
      expect(await db('items').pluck('id')).toEqual([2])
    })
    expect(await sharding.connectedTo('shard_0', () => db('items').pluck('id'))).toEqual([2])
  })

  test('all fan-outs together hold half of a pool at most, and those who wait are in no queue of it', async () => {
    const { sharding, nothingBusy } = await openShards({ count: 2, pool: { max: 4 } })
    const gate = deferred()
    let inside = 0
    const runs = Array.from({ length: 5 }, () =>
      sharding.fanOut({ shards: ['shard_0'] }, async () => {
        inside++
        await gate.promise
      }),
    )
    await until(() => inside === 2)
    const { active, waiting } = sharding.stats().shards['shard_0']?.writing ?? {}
    expect([active, waiting]).toEqual([2, 0])
    await sharding.connectedTo('shard_0', () => sharding.db.raw('select 1'))
    const late = await errorOf(() => sharding.fanOut({ shards: ['shard_0'], checkoutTimeoutMs: 50 }, () => 1))
    expect((late as FanOutIncompleteError).cause).toBeInstanceOf(CheckoutTimeoutError)
    gate.resolve()
    await Promise.all(runs)
    expect(inside).toBe(5)
    await nothingBusy()
  })

  test('half of a pool is that of its present size, whatever it was before a reload', async () => {
    const { sharding, reload, nothingBusy } = await openShards({ count: 1, pool: { max: 2 } })
    const gate = deferred()
    let inside = 0
    const ask = () =>
      sharding.fanOut({ shards: ['shard_0'], checkoutTimeoutMs: 50 }, async () => {
        inside++
        await gate.promise
      })
    const before = ask()
    await until(() => inside === 1)
    await reload({ max: 4 })
    const after = [ask(), ask()]
    await until(() => inside === 3)
    expect(await errorOf(ask)).toBeInstanceOf(FanOutIncompleteError)
    gate.resolve()
    await Promise.all([before, ...after])
    await nothingBusy()
  })

  test('a scope that holds no connection holds none afterwards', async () => {
    const { sharding, nothingBusy } = await openShards({ count: 2 })
    await sharding.connectedTo({ shard: 'shard_0', checkout: 'lazy' }, async () => {
      await sharding.connectedToAllShards(() => sharding.db.raw('select 1'))
      await nothingBusy()
    })
  })

  test('every end of every shard gives its connection back', async () => {
    const { sharding, nothingBusy } = await openShards({ count: 6, pool: { max: 2 } })
    const { db } = sharding
    const ends = [
      () => db.raw('select 1'),
      () => db.raw('broken'),
      () => db.raw('select pg_sleep(60)'),
      () => db.raw('begin'),
      async () => void (await db.transaction()),
      () => new Promise(() => {}),
    ]
    for (let round = 0; round < scaled(100); round++) {
      const options = { mode: 'partial', columns: 'any', shardTimeoutMs: 300, concurrency: 6 } as const
      const failed = (error: unknown) => expect(error).toBeInstanceOf(FanOutIncompleteError)
      await sharding
        .fanOut(options, ({ shard }) => ends[(Number(shard.slice(6)) + round) % 6]?.())
        .catch(failed)
    }
    await nothingBusy()
  })
})

describe('writes', () => {
  test('a run has a key, and resuming it asks only the shards that failed', async () => {
    const { sharding } = await openShards({ count: 4 })
    const { db } = sharding
    const asked: string[] = []
    let isFailing = true
    const write = async ({ shard, key }: { shard: string; key: string }) => {
      asked.push(shard)
      await db('items').insert({ id: 1, name: key })
      if (isFailing && shard === 'shard_2') {
        await db('items').del()
        throw new Error('not yet')
      }
      return shard
    }
    const error = await errorOf(() => sharding.fanOut({ onFailure: 'continue', key: 'price-change' }, write))
    const { result } = error as FanOutIncompleteError
    expect(result.key).toBe('price-change')
    expect(asked.sort()).toEqual(sharding.shardNames)
    isFailing = false
    asked.length = 0
    const resumed = await sharding.fanOut({ resume: result as FanOutResult<string> }, write)
    expect(asked).toEqual(['shard_2'])
    expect(resumed.key).toBe('price-change')
    expect(valuesOf(resumed)).toEqual(Object.fromEntries(sharding.shardNames.map((name) => [name, name])))
    const rows = await sharding.connectedToAllShards(() => db('items').pluck('name'))
    for (const names of Object.values(valuesOf(rows))) expect(names).toEqual(['price-change'])

    const again = await sharding.fanOut({ resume: resumed }, write)
    expect([asked, again.outcomes]).toEqual([['shard_2'], resumed.outcomes])
    const other = await errorOf(() => sharding.fanOut({ resume: resumed, key: 'another' }, write))
    expect(other).toBeInstanceOf(TypeError)
  })

  test('nothing is atomic: what one shard has written stays when another fails', async () => {
    const { sharding } = await openShards({ count: 2 })
    const { db } = sharding
    await errorOf(() =>
      sharding.fanOut({ onFailure: 'continue' }, async ({ shard }) => {
        await db('items').insert({ id: 1 })
        if (shard === 'shard_1') await db.raw('broken')
      }),
    )
    expect(await sharding.connectedTo('shard_0', () => db('items'))).toHaveLength(1)
  })
})
