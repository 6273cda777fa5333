import * as ambient from '@sherd/core'
import {
  CheckoutTimeoutError,
  createSharding,
  ScopeLockedError,
  ScopeMissingError,
  type Sharding,
  ShardUnknownError,
  WritePreventedError,
} from '@sherd/core'
import { expect, onTestFinished } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { numberSqliteConnection } from '../support/engines/sqlite-engine.ts'
import { errorOf } from '../support/error-of.ts'
import { until } from '../support/until.ts'

const home = await engine.createDatabase()
const elsewhere = await engine.createDatabase()
const shared = await engine.createDatabase()
await engine.runSql(shared, 'create table plans (name varchar(20))', "insert into plans values ('small')")
await engine.runSql(home, 'create table projects (name varchar(20))', "insert into projects values ('one')")

function open(pool: { max?: number; checkoutTimeoutMs?: number } = {}): Sharding {
  const numbering = engine.name.startsWith('SQLite') ? { afterCreate: numberSqliteConnection } : {}
  const sharding = createSharding({
    config: {
      defaults: { client: engine.client, ...numbering },
      shards: {
        one: { connection: home, tenants: ['a', 'b'] },
        two: { connection: elsewhere, tenants: ['c'] },
      },
      shared: { connection: shared, pool },
    },
  })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  return sharding
}

const active = (sharding: Sharding, name: string) => sharding.stats().shards[name]?.writing.active
const atRest = (sharding: Sharding) =>
  until(() => Object.values(sharding.stats().shards).every((roles) => roles.writing.active === 0))
const inAll = (sharding: Sharding, fn: () => Promise<unknown>) =>
  sharding.connectedTo({ tenant: 'a', lock: true }, fn)
const never = () => expect.unreachable('a locked scope was left')

test('S4: what belongs to no tenant is reached beside a locked scope, which stays locked', async () => {
  const sharding = open()
  await inAll(sharding, async () => {
    const before = sharding.currentScope()
    expect(await sharding.db.shared('plans').pluck('name')).toEqual(['small'])
    expect(await ambient.db.shared('plans').pluck('name')).toEqual(['small'])
    expect(sharding.currentScope()).toBe(before)
    expect(await sharding.db('projects').pluck('name')).toEqual(['one'])
    await sharding.connectedTo('shared', async () => {
      expect(sharding.currentScope()).toEqual({
        shard: 'shared',
        role: 'writing',
        preventWrites: false,
        locked: true,
      })
      expect(await sharding.db('plans').pluck('name')).toEqual(['small'])
      for (const target of [
        'two',
        { tenant: 'b' },
        { tenant: 'c' },
        { shard: 'two', role: 'reading' as const },
      ]) {
        expect(await errorOf(() => sharding.connectedTo(target, never))).toBeInstanceOf(ScopeLockedError)
      }
      for (const target of ['one', { tenant: 'a' }]) {
        await sharding.connectedTo(target, async () => {
          expect(sharding.currentScope()).toEqual(before)
          expect(await sharding.db('projects').pluck('name')).toEqual(['one'])
        })
      }
    })
  })
})

test('S4: the lock around is lifted inside the shared database as anywhere, and stays on in a token of it', async () => {
  const sharding = open()
  const token = await inAll(sharding, () =>
    sharding.connectedTo('shared', async () => {
      await sharding.unlocked(() => sharding.connectedTo('two', () => sharding.db.raw('select 1')))
      return sharding.captureScope()
    }),
  )
  await sharding.runInScope(token as ambient.ScopeToken, async () => {
    expect(await sharding.db('plans').pluck('name')).toEqual(['small'])
    expect(await errorOf(() => sharding.connectedTo('two', never))).toBeInstanceOf(ScopeLockedError)
  })
})

test('L1: all that a scope asks of it runs on one connection, which goes back with the scope', async () => {
  const sharding = open()
  for (const fails of [false, true]) {
    const run = inAll(sharding, async () => {
      const first = await backendPid(sharding.db.shared)
      await sharding.connectedTo('one', async () => expect(await backendPid(sharding.db.shared)).toBe(first))
      await sharding.connectedTo('shared', async () => {
        expect(await backendPid(sharding.db)).toBe(first)
        expect(await backendPid(sharding.db.shared)).toBe(first)
      })
      const others = await Promise.all([1, 2, 3].map(() => backendPid(sharding.db.shared)))
      expect(new Set(others)).toEqual(new Set([first]))
      expect([active(sharding, 'one'), active(sharding, 'shared')]).toEqual([1, 1])
      if (fails) throw new Error('failed')
    })
    if (fails) await expect(run).rejects.toThrow('failed')
    else await run
    await atRest(sharding)
  }
})

test('L2: it takes a connection with the first query, and gives it back during releaseConnection()', async () => {
  const sharding = open()
  await inAll(sharding, async () => {
    expect(active(sharding, 'shared')).toBe(0)
    await sharding.db.shared('plans')
    await sharding.releaseConnection()
    await atRest(sharding)
    await sharding.db.shared('plans')
    expect(active(sharding, 'shared')).toBe(1)
  })
})

test('L4: a transaction there is one for db.shared alone, and holds up nobody on the own shard', async () => {
  const sharding = open()
  await inAll(sharding, async () => {
    const failed = sharding.db.shared.transaction(async () => {
      await sharding.db.shared('plans').insert({ name: 'large' })
      expect(await sharding.db('projects').pluck('name')).toEqual(['one'])
      await sharding.db('projects').insert({ name: 'two' })
      await sharding.connectedTo('shared', async () => {
        expect(await sharding.db('plans').pluck('name')).toEqual(['small', 'large'])
      })
      await sharding.connectedTo('one', async () => {
        expect(await sharding.db.shared('plans').pluck('name')).toEqual(['small', 'large'])
      })
      await sharding.db.transaction(async () => {
        await sharding.db.shared('plans').insert({ name: 'huge' })
        expect(await sharding.db('projects').pluck('name')).toEqual(['one', 'two'])
      })
      throw new Error('undo')
    })
    await expect(failed).rejects.toThrow('undo')
    expect(await sharding.db.shared('plans').pluck('name')).toEqual(['small'])
    expect(await sharding.db('projects').pluck('name')).toEqual(['one', 'two'])
    await sharding.db('projects').where({ name: 'two' }).del()

    const trx = await sharding.db.shared.transaction()
    await sharding.withTransaction(trx, async () => {
      await sharding.db.shared('plans').insert({ name: 'medium' })
      expect(await sharding.db('projects').pluck('name')).toEqual(['one'])
    })
    await trx.rollback()
    expect(await sharding.db.shared('plans').pluck('name')).toEqual(['small'])
  })
  await atRest(sharding)
})

test('L4: a scope with a connection of its own inside of a transaction there is in it, too', async () => {
  const sharding = open({ checkoutTimeoutMs: 500 })
  const { connectedTo, unlocked, db } = sharding
  const elsewhere = (fn: () => Promise<unknown>) => unlocked(() => connectedTo('two', fn))
  const inside = async () => {
    await db.shared('plans').insert({ name: 'large' })
    await elsewhere(async () => {
      expect(await db.shared('plans').pluck('name')).toEqual(['small', 'large'])
      await connectedTo({ preventWrites: true }, async () => {
        expect(await db.shared('plans').pluck('name')).toEqual(['small', 'large'])
        await expect(db.shared('plans').del()).rejects.toBeInstanceOf(WritePreventedError)
        await connectedTo('shared', async () => expect(await db('plans').pluck('name')).toHaveLength(2))
      })
      await db.shared.transaction(async () => db.shared('plans').insert({ name: 'huge' }))
    })
    expect(await db.shared('plans').pluck('name')).toEqual(['small', 'large', 'huge'])
    throw new Error('undo')
  }
  await inAll(sharding, async () => {
    await expect(db.shared.transaction(inside)).rejects.toThrow('undo')
    await connectedTo('shared', () => expect(db.transaction(inside)).rejects.toThrow('undo'))
  })
  await connectedTo('shared', () => expect(db.transaction(inside)).rejects.toThrow('undo'))
  await atRest(sharding)
})

test('L4: whoever is not in the transaction there waits for it', async () => {
  const sharding = open()
  await inAll(sharding, async () => {
    const order: string[] = []
    const begun = deferred()
    const transaction = sharding.db.shared.transaction(async () => {
      begun.resolve()
      await sharding.db.shared('plans')
      order.push('inside')
    })
    await begun.promise
    const outside = sharding.db.shared('plans').then(() => order.push('outside'))
    await Promise.all([transaction, outside])
    expect(order).toEqual(['inside', 'outside'])
  })
})

test('S8: a scope that reads reads there, too', async () => {
  const sharding = open()
  await sharding.connectedTo({ tenant: 'a', role: 'reading', lock: true }, async () => {
    const insert = () => sharding.db.shared('plans').insert({ name: 'large' })
    await expect(insert()).rejects.toBeInstanceOf(WritePreventedError)
    await sharding.connectedTo({ role: 'writing' }, async () => {
      await expect(
        sharding.db.shared.transaction(async () => {
          await insert()
          await sharding.connectedTo({ preventWrites: true }, async () => {
            expect(await sharding.db.shared('plans').pluck('name')).toEqual(['small', 'large'])
            await expect(insert()).rejects.toBeInstanceOf(WritePreventedError)
          })
          throw new Error('undo')
        }),
      ).rejects.toThrow('undo')
    })
    await expect(insert()).rejects.toBeInstanceOf(WritePreventedError)
  })
})

test('S5: there is none outside of scopes, and none that the configuration does not name', async () => {
  const sharding = open()
  expect(() => sharding.db.shared('plans')).toThrow(ScopeMissingError)
  expect(() => ambient.db.shared('plans')).toThrow(ScopeMissingError)
  const bare = createSharding({
    config: { shards: { one: { client: engine.client, connection: home, tenants: ['a'] } } },
  })
  onTestFinished(() => bare.close({ deadlineMs: 0 }))
  await bare.connectedTo('one', async () => {
    expect(() => bare.db.shared('plans')).toThrow(ShardUnknownError)
    expect(await errorOf(() => bare.connectedTo('shared', never))).toMatchObject({
      message: expect.stringContaining('`shared:` in the configuration'),
    })
  })
})

test('S6: a query on it that comes after its scope had settled is refused, and takes no connection', async () => {
  const sharding = open()
  let late!: () => unknown
  await inAll(sharding, async () => {
    const builder = sharding.db.shared('plans')
    late = sharding.bindScope(() => builder.pluck('name'))
  })
  expect(await errorOf(async () => late())).toMatchObject({ code: 'SHARD_ERR_SCOPE_ENDED' })
  let later!: () => unknown
  await inAll(sharding, async () => {
    later = sharding.bindScope(() => sharding.db.shared('plans').pluck('name'))
  })
  expect(await errorOf(async () => later())).toMatchObject({ code: 'SHARD_ERR_SCOPE_ENDED' })
  expect(sharding.stats().shards['shared']?.writing.total).toBe(0)
})

test('L2: when its pool is exhausted the error names it, and the own shard goes on', async () => {
  const sharding = open({ max: 1, checkoutTimeoutMs: 1500 })
  await sharding.connectedTo('shared', async () => {
    await sharding.db.raw('select 1')
    await sharding.connectedTo({ shard: 'one', separate: true }, async () => {
      // In reach of the connection around, nobody waits for himself.
      expect(await sharding.db.shared('plans').pluck('name')).toEqual(['small'])
    })
  })
  const occupied = deferred()
  const held = sharding.connectedTo('shared', () => occupied.promise)
  await until(() => active(sharding, 'shared') === 1)
  await inAll(sharding, async () => {
    const error = await errorOf(() => sharding.db.shared('plans').pluck('name') as never)
    expect(error).toBeInstanceOf(CheckoutTimeoutError)
    expect(error).toMatchObject({ shard: 'shared', statusCode: 503 })
    expect(await sharding.db('projects').pluck('name')).toEqual(['one'])
  })
  occupied.resolve()
  await held
  await atRest(sharding)
})

test('it is no shard of tenants: neither listed, nor asked with all, nor found by a tenant', async () => {
  const sharding = open()
  expect(sharding.shardNames).toEqual(['one', 'two'])
  const all = await sharding.connectedToAllShards(async () => 1)
  expect(all.outcomes.map(({ shard }) => shard)).toEqual(['one', 'two'])
  const named = await sharding.fanOut({ shards: ['shared'] }, () => sharding.db('plans').pluck('name'))
  expect(named.outcomes).toMatchObject([{ shard: 'shared', value: ['small'] }])
})

test('it is watched, warmed up and recovered like any shard', async () => {
  const sharding = open()
  expect(Object.keys((await sharding.warmUp()).shards)).toEqual(['one', 'two', 'shared'])
  expect(Object.keys(sharding.stats().shards)).toEqual(['one', 'two', 'shared'])
  expect(Object.keys((await sharding.health()).shards)).toEqual(['one', 'two', 'shared'])
  await sharding.recover('shared')
  using _isolation = sharding.isolate('shared')
  await inAll(sharding, async () => {
    await expect(sharding.db.shared('plans')).rejects.toMatchObject({
      code: 'SHARD_ERR_CIRCUIT_OPEN',
      shard: 'shared',
    })
  })
})

test('L5: a job that uses both gives both back, however it ends', async () => {
  const sharding = open()
  for (const end of ['returns', 'throws', 'aborts', 'leaves a transaction open'] as const) {
    const controller = new AbortController()
    const job = sharding.shardedJob(
      () => ({ tenant: 'a', signal: controller.signal }),
      async () => {
        await sharding.db('projects').pluck('name')
        await sharding.db.shared('plans').pluck('name')
        await sharding.connectedTo({ role: 'reading' }, () => sharding.db('projects').pluck('name'))
        if (end === 'throws') throw new Error('failed')
        if (end === 'leaves a transaction open') {
          const trx = await sharding.db.shared.transaction()
          await trx('plans').insert({ name: 'lost' })
        }
        if (end === 'aborts') {
          controller.abort(new Error('stop'))
          await sharding.db.shared('plans')
        }
      },
    )
    await job().catch(() => {})
    await atRest(sharding)
  }
  await sharding.connectedTo('shared', async () => {
    expect(await sharding.db('plans').pluck('name')).toEqual(['small'])
  })
})
