import * as ambient from '@sherd/core'
import { ScopeLockedError, type ScopeToken, type Sharding } from '@sherd/core'
import { expect } from 'vitest'
import { can, engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'

const one = await engine.createDatabase()
const two = await engine.createDatabase()

function open(): Sharding {
  return openSharding({
    one: { connection: one, tenants: ['a', 'b'] },
    two: { connection: two, tenants: ['c'] },
  })
}

const forbidden = () => expect.unreachable('a locked scope was left')

test('S4: a locked scope refuses another shard, names both, and stays where it is', async () => {
  const sharding = open()
  await sharding.connectedTo({ tenant: 'a', lock: true }, async () => {
    const before = sharding.currentScope()
    const error = await errorOf(() => sharding.connectedTo('two', forbidden))
    expect(error).toBeInstanceOf(ScopeLockedError)
    expect(error.message).toContain('"one"')
    expect(error.message).toContain('"two"')
    expect(sharding.currentScope()).toBe(before)
    await sharding.db.raw('select 1')
  })
})

test('S4: a locked scope refuses another tenant, even on the same shard', async () => {
  const sharding = open()
  await sharding.connectedTo({ tenant: 'a', lock: true }, async () => {
    const error = await errorOf(() => sharding.connectedToTenant('b', forbidden))
    expect(error).toBeInstanceOf(ScopeLockedError)
    expect(error.message).toContain('"a"')
    expect(error.message).toContain('"b"')
    expect(sharding.currentScope()).toMatchObject({ tenant: 'a', locked: true })
  })
})

test('S4: a locked scope does not tell whether another tenant exists', async () => {
  const sharding = open()
  await sharding.connectedTo({ tenant: 'a', lock: true }, async () => {
    const known = await errorOf(() => sharding.connectedToTenant('c', forbidden))
    const unknown = await errorOf(() => sharding.connectedToTenant('nobody', forbidden))
    expect(unknown).toBeInstanceOf(ScopeLockedError)
    expect(unknown.message.replace('nobody', 'c')).toBe(known.message)
  })
})

test('S4: a locked scope allows its own shard and tenant and another role, and stays locked inside', async () => {
  const sharding = open()
  await sharding.connectedTo({ tenant: 'a', lock: true }, async () => {
    const targets = [
      'one',
      { tenant: 'a' },
      { role: 'reading' },
      { separate: true },
      { lock: false },
    ] as const
    for (const target of targets) {
      await sharding.connectedTo(target, async () => {
        expect(sharding.currentScope()).toMatchObject({ shard: 'one', tenant: 'a', locked: true })
        expect(await errorOf(() => sharding.connectedTo('two', forbidden))).toBeInstanceOf(ScopeLockedError)
      })
    }
  })
})

test('S4: unlocked lifts the lock for one block', async () => {
  const sharding = open()
  await sharding.connectedTo({ tenant: 'a', lock: true }, async () => {
    await sharding.unlocked(async () => {
      expect(sharding.currentScope()).toMatchObject({ tenant: 'a', locked: false })
      await sharding.connectedTo('two', () => sharding.db.raw('select 1'))
      await sharding.connectedToTenant('b', () => sharding.db.raw('select 1'))
    })
    expect(sharding.unlocked(() => 'a plain value')).toBe('a plain value')
    expect(sharding.currentScope()?.locked).toBe(true)
    expect(await errorOf(() => sharding.connectedTo('two', forbidden))).toBeInstanceOf(ScopeLockedError)
  })
})

test('S4: two tenants on one shard: no function of the public API leads from the first to the second', async () => {
  const sharding = open()
  const other = open()
  const { db } = sharding
  let tokenOfB!: ScopeToken
  await sharding.connectedToTenant('b', () => {
    tokenOfB = sharding.captureScope()
  })
  // A transaction of tenant b is open meanwhile, and its handle and a query have come into the wrong hands.
  await sharding.connectedToTenant('b', async () => {
    const trxOfB = await db.transaction()
    const queryOfB = db.raw('select 1')
    await sharding.connectedTo({ separate: true }, () => undefined)
    await ambient.withTransaction(trxOfB, () => undefined)

    await outside(() =>
      sharding.connectedTo({ tenant: 'a', lock: true }, async () => {
        const ways: Record<string, () => unknown> = {
          'connectedTo a tenant': () => sharding.connectedTo({ tenant: 'b' }, forbidden),
          'connectedTo a tenant, unlocking': () =>
            sharding.connectedTo({ tenant: 'b', lock: false }, forbidden),
          'connectedTo a tenant, apart': () =>
            sharding.connectedTo({ tenant: 'b', separate: true }, forbidden),
          'connectedTo a tenant on its shard': () =>
            sharding.connectedTo({ shard: 'one', tenant: 'b' }, forbidden),
          'connectedTo a tenant, reading': () =>
            sharding.connectedTo({ tenant: 'b', role: 'reading' }, forbidden),
          'connectedTo another shard': () => sharding.connectedTo('two', forbidden),
          connectedToTenant: () => sharding.connectedToTenant('b', forbidden),
          'ambient connectedTo': () => ambient.connectedTo({ tenant: 'b' }, forbidden),
          'ambient connectedToTenant': () => ambient.connectedToTenant('b', forbidden),
          runInScope: () => sharding.runInScope(tokenOfB, forbidden),
          'runInScope with a forged token': () =>
            sharding.runInScope({ ...sharding.captureScope(), tenant: 'b', locked: false }, forbidden),
          'ambient runInScope': () => ambient.runInScope(tokenOfB, forbidden),
          withTransaction: () => sharding.withTransaction(trxOfB, forbidden),
          'ambient withTransaction': () => ambient.withTransaction(trxOfB, forbidden),
          transacting: () => db.raw('select 1').transacting(trxOfB),
          'another Sharding': () => other.connectedToTenant('b', forbidden),
          'another Sharding, by its shard': () => other.connectedTo('one', forbidden),
          'another Sharding, by its other shard': () => other.connectedTo('two', forbidden),
          'a nested scope': () =>
            sharding.connectedTo({ role: 'reading' }, () => sharding.connectedToTenant('b', forbidden)),
          ...(can('TWO_WRITERS') && {
            'inside a transaction': () => db.transaction(() => sharding.connectedToTenant('b', forbidden)),
          }),
          bindScope: () => sharding.bindScope(() => sharding.connectedToTenant('b', forbidden))(),
          withRawConnection: () =>
            sharding.withRawConnection(() => sharding.connectedToTenant('b', forbidden)),
        }
        for (const [way, go] of Object.entries(ways)) {
          const error = await errorOf(go)
          const code = way.includes('ransact') && !way.includes('inside') ? /LOCKED|MISMATCH/ : /LOCKED/
          expect(error.code, way).toMatch(code)
          expect(sharding.currentScope(), way).toMatchObject({ tenant: 'a', locked: true })
        }
      }),
    )
    await queryOfB.transacting(trxOfB)
    await trxOfB.rollback()
  })
})

test('S4: a transaction begun before the lock does not carry code out of it', async () => {
  const sharding = open()
  await sharding.connectedToTenant('a', async () => {
    const trx = await sharding.db.transaction()
    await sharding.connectedTo({ lock: true }, () =>
      sharding.withTransaction(trx, async () => {
        expect(sharding.currentScope()?.locked).toBe(true)
        expect(await errorOf(() => sharding.connectedTo('two', forbidden))).toBeInstanceOf(ScopeLockedError)
      }),
    )
    await trx.rollback()
  })
})

/** Runs `fn` where no scope is: `bindScope` outside of scopes binds to none. */
const outside = ambient.bindScope((fn: () => Promise<void>) => fn()) as (
  fn: () => Promise<void>,
) => Promise<void>
