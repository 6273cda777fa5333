import * as ambient from '@sherd/core'
import {
  CheckoutTimeoutError,
  ScopeMissingError,
  ShardUnavailableError,
  ShardUnknownError,
} from '@sherd/core'
import { expect } from 'vitest'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'

const one = await engine.createDatabase()
const NOBODY_LISTENS = engine.nowhere

test('S5: outside of every scope nothing that needs a shard works', async () => {
  const sharding = openSharding({ one: { connection: one } })
  const { db } = sharding
  const uses: (() => unknown)[] = [
    () => db('t'),
    () => db.select(1),
    () => db.raw('select 1'),
    () => db.schema,
    () => db.transaction(async () => {}),
    () => db.transaction(),
    () => db.transactionProvider(),
    () => db.batchInsert('t', [{}] as never),
    () => db.migrate,
    () => db.seed,
    () => db.queryBuilder(),
    () => db.withUserParams({}),
    () => sharding.requireScope(),
    () => sharding.scopeSignal(),
    () => sharding.unlocked(() => 1),
    () => sharding.captureScope(),
    () => sharding.releaseConnection(),
    () => sharding.withRawConnection(async () => 1),
    () => sharding.connectedTo({ role: 'reading' }, () => 1),
  ]
  for (const use of uses) expect(await errorOf(use), String(use)).toBeInstanceOf(ScopeMissingError)
  expect(sharding.stats().shards['one']?.writing.total).toBe(0)
})

test('S5: a Sharding sees no scope of another', async () => {
  const [sharding, other] = [
    openSharding({ one: { connection: one } }),
    openSharding({ one: { connection: one } }),
  ]
  await sharding.connectedTo('one', async () => {
    expect(await errorOf(() => other.db('t'))).toBeInstanceOf(ScopeMissingError)
    expect(await errorOf(() => other.connectedTo({ role: 'reading' }, () => 1))).toBeInstanceOf(
      ScopeMissingError,
    )
    const rows = engine.rows(await ambient.db.raw('select 1 as here'))
    expect(rows).toEqual([{ here: 1 }])
  })
})

test('S5: an unknown shard is refused at entry, with a suggestion, from everywhere', async () => {
  const sharding = openSharding({ shard_1: { connection: one } })
  const enter = () => errorOf(() => sharding.connectedTo('shard_l', () => expect.unreachable()))
  const error = await enter()
  expect(error).toBeInstanceOf(ShardUnknownError)
  expect(error.message).toContain('shard_1')
  await sharding.connectedTo('shard_1', async () => expect(await enter()).toBeInstanceOf(ShardUnknownError))
  for (const name of ['', 'constructor', '__proto__'])
    expect(await errorOf(() => sharding.connectedTo(name, () => 1))).toBeInstanceOf(ShardUnknownError)
})

test('S9: a refused checkout leaves no scope behind, and what comes next is unharmed', async () => {
  const sharding = openSharding({
    one: { connection: one, pool: { max: 1 } },
    down: { connection: NOBODY_LISTENS },
  })
  const [taken, done] = [deferred(), deferred()]
  const holder = sharding.connectedTo('one', async () => {
    taken.resolve()
    await done.promise
  })
  await taken.promise

  const target = { shard: 'one', checkoutTimeoutMs: 50 }
  const refused = await errorOf(() => sharding.connectedTo(target, () => expect.unreachable()))
  expect(refused).toBeInstanceOf(CheckoutTimeoutError)
  expect(sharding.currentScope()).toBeUndefined()
  const down = await errorOf(() => sharding.connectedTo('down', () => expect.unreachable()))
  expect(down).toBeInstanceOf(ShardUnavailableError)
  expect(sharding.currentScope()).toBeUndefined()
  expect(await errorOf(() => sharding.db('t'))).toBeInstanceOf(ScopeMissingError)

  done.resolve()
  await holder
  expect(await sharding.connectedTo('one', () => sharding.currentScope()?.shard)).toBe('one')
})

test('S9: a refused checkout inside a scope leaves that scope as it was', async () => {
  const sharding = openSharding({ one: { connection: one }, down: { connection: NOBODY_LISTENS } })
  await sharding.connectedTo('one', async () => {
    const before = sharding.currentScope()
    await errorOf(() => sharding.connectedTo('down', () => expect.unreachable()))
    expect(sharding.currentScope()).toBe(before)
    await sharding.db.raw('select 1')
  })
})

test('S9: a lazy checkout that fails does not end its scope', async () => {
  const sharding = openSharding({ one: { connection: one, pool: { max: 1 } } })
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const release = deferred()
    await sharding.connectedTo({ separate: true, checkout: 'lazy', checkoutTimeoutMs: 50 }, async () => {
      expect(await errorOf(() => db.raw('select 1'))).toBeInstanceOf(CheckoutTimeoutError)
      expect(sharding.currentScope()?.shard).toBe('one')
    })
    release.resolve()
    await db.raw('select 1')
  })
})
