import { ScopeLockedError, type ScopeToken, ShardUnknownError, TenantUnknownError } from '@sherd/core'
import { expect } from 'vitest'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'

const one = await engine.createDatabase()

const open = () => openSharding({ one: { connection: one, tenants: ['a', 'b'] } })

const TOKEN = { shard: 'one', tenant: 'a', role: 'writing', preventWrites: false, locked: false }

/** A token as it comes out of a queue. */
const parsed = (json: string) => JSON.parse(json) as ScopeToken

test.each([
  ['nothing', undefined],
  ['null', null],
  ['text', JSON.stringify(TOKEN)],
  ['a list', [TOKEN]],
  ['an empty object', {}],
  ['a target', { tenant: 'a' }],
  ['a shard that is no text', { ...TOKEN, shard: 7 }],
  ['no shard', { ...TOKEN, shard: undefined }],
  ['a tenant that is a list', { ...TOKEN, tenant: ['a', 'b'] }],
  ['a tenant that is null', { ...TOKEN, tenant: null }],
  ['an empty tenant', { ...TOKEN, tenant: '' }],
  ['another role', { ...TOKEN, role: 'admin' }],
  ['a flag that is text', { ...TOKEN, locked: 'false' }],
  ['a flag that is missing', { ...TOKEN, preventWrites: undefined }],
  ['parts in its prototype alone', Object.create(TOKEN)],
  ['parts under __proto__', JSON.parse(`{"__proto__":${JSON.stringify(TOKEN)}}`)],
])('a token that is %s is refused with a TypeError', async (_, token) => {
  const sharding = open()
  const error = await errorOf(() => sharding.runInScope(token as ScopeToken, () => expect.unreachable()))
  expect(error).toBeInstanceOf(TypeError)
  expect(error.message).toMatch(/^A scope token is what captureScope\(\) returned/)
})

test('what a later version may add to tokens is passed over', async () => {
  const sharding = open()
  const token = parsed(JSON.stringify({ ...TOKEN, epoch: 3, separate: true, checkout: 'never' }))
  expect(await sharding.runInScope(token, () => sharding.currentScope())).toEqual({ ...TOKEN })
})

test('a forged token reaches no shard or tenant that is not there', async () => {
  const sharding = open()
  const forged = (parts: object) =>
    errorOf(() => sharding.runInScope({ ...TOKEN, ...parts } as never, () => 1))
  expect(await forged({ tenant: 'nobody' })).toBeInstanceOf(TenantUnknownError)
  expect(await forged({ tenant: undefined, shard: '__proto__' })).toBeInstanceOf(ShardUnknownError)
})

test('S4: a token leads out of no lock', async () => {
  const sharding = open()
  await sharding.connectedTo({ tenant: 'b', lock: true }, async () => {
    expect(await errorOf(() => sharding.runInScope(TOKEN as ScopeToken, () => 1))).toBeInstanceOf(
      ScopeLockedError,
    )
  })
})

test('a message about a token shows nothing that could forge a line of a log', async () => {
  const sharding = open()
  const error = await errorOf(() =>
    sharding.runInScope({ ...TOKEN, role: 'a\n"b"'.repeat(99) } as never, () => 1),
  )
  expect(error.message).not.toContain('\n')
  expect(error.message.length).toBeLessThan(250)
})
