import { EventEmitter } from 'node:events'
import { ScopeMissingError } from '@sherd/core'
import { expect } from 'vitest'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'

const one = await engine.createDatabase()
const open = () => openSharding({ one: { connection: one, tenants: ['a', 'b'] } })

test('S7: currentScope is undefined outside, where requireScope throws', async () => {
  const sharding = open()
  expect(sharding.currentScope()).toBeUndefined()
  expect(() => sharding.requireScope()).toThrow(ScopeMissingError)
  await sharding.connectedToTenant('a', () => expect(sharding.requireScope()).toBe(sharding.currentScope()))
})

test("S7: bindScope carries a scope into an emitter's callback", async () => {
  const sharding = open()
  const emitter = new EventEmitter()
  const seen: unknown[] = []
  await sharding.connectedToTenant('a', async () => {
    emitter.on('event', () => seen.push(sharding.currentScope()?.tenant))
    emitter.on(
      'event',
      sharding.bindScope(function (this: unknown, value: number) {
        seen.push([this === emitter, value, sharding.currentScope()?.tenant])
      }),
    )
    await sharding.connectedToTenant('b', () => emitter.emit('event', 1))
  })
  emitter.emit('event', 2)
  expect(seen).toEqual(['b', [true, 1, 'a'], undefined, [true, 2, 'a']])
})

test('S7: bindScope outside of scopes carries that there is none', async () => {
  const sharding = open()
  const look = sharding.bindScope(() => sharding.currentScope())
  await sharding.connectedTo('one', () => expect(look()).toBeUndefined())
})

test('S7: a captured scope is plain data that leads back', async () => {
  const sharding = open()
  const payload = await sharding.connectedTo({ tenant: 'a', role: 'reading', lock: true }, () =>
    JSON.stringify(sharding.captureScope()),
  )
  await sharding.runInScope(JSON.parse(payload), async () => {
    expect(sharding.currentScope()).toEqual({
      shard: 'one',
      tenant: 'a',
      role: 'reading',
      preventWrites: true,
      locked: true,
    })
  })
  const ofShard = await sharding.connectedTo('one', () => sharding.captureScope())
  expect(ofShard).not.toHaveProperty('tenant')
  expect(await sharding.runInScope(ofShard, () => sharding.currentScope()?.shard)).toBe('one')
})

test('S7: the signal of a scope aborts when its function has settled, and nested scopes share it', async () => {
  const sharding = open()
  const [outer, inner] = await sharding.connectedTo('one', async () => {
    const signals = [
      sharding.scopeSignal(),
      await sharding.connectedTo('one', () => sharding.scopeSignal()),
    ] as const
    expect(signals[0].aborted).toBe(false)
    return signals
  })
  expect(inner).toBe(outer)
  expect(outer.aborted).toBe(true)
  expect(await errorOf(() => outer.throwIfAborted())).toMatchObject({ code: 'SHARD_ERR_SCOPE_ENDED' })
})

test('S7: what a settled scope has left behind may open scopes of its own', async () => {
  const sharding = open()
  const emitter = new EventEmitter()
  let ran: Promise<unknown> | undefined
  await sharding.connectedTo('one', () => {
    emitter.on(
      'tick',
      sharding.bindScope(() => {
        ran = sharding.connectedTo('one', async () => {
          expect(sharding.scopeSignal().aborted).toBe(false)
          return sharding.db.select(sharding.db.raw('1 as alive'))
        })
      }),
    )
  })
  emitter.emit('tick')
  expect(await ran).toEqual([{ alive: 1 }])
})
