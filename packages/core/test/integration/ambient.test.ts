import * as core from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { afterEach, expect, test } from 'vitest'
import { openSharding } from '../support/open-sharding.ts'

const { db } = core
const one = await createDatabase()
const two = await createDatabase()
const nameOf = (url: string) => new URL(url).pathname.slice(1)
const currentDatabase = () => db.select(db.raw('current_database() as name')).first()

afterEach(() => core.setDefaultSharding(undefined as never))

test('the functions of the package follow the innermost scope, whichever Sharding opened it', async () => {
  const first = openSharding({ shard: { connection: one, tenants: ['a'] } })
  const second = openSharding({ shard: { connection: two, tenants: ['b'] } })
  await first.connectedTo('shard', async () => {
    expect(await currentDatabase()).toEqual({ name: nameOf(one) })
    expect(await core.shardFor('a')).toBe('shard')
    await second.connectedTo('shard', async () => {
      expect(await currentDatabase()).toEqual({ name: nameOf(two) })
      expect(await core.connectedToTenant('b', currentDatabase)).toEqual({ name: nameOf(two) })
      expect(await core.connectedTo({ role: 'reading' }, currentDatabase)).toEqual({ name: nameOf(two) })
    })
    expect(await core.runInScope(core.captureScope(), currentDatabase)).toEqual({ name: nameOf(one) })
  })
})

test('outside of scopes they are those of the default Sharding, which can be replaced', async () => {
  const shards = { shard: { connection: one, tenants: ['a'] } }
  core.setDefaultSharding(openSharding(shards))
  expect(await core.connectedToTenant('a', currentDatabase)).toEqual({ name: nameOf(one) })
  core.setDefaultSharding(openSharding({ shard: { connection: two, tenants: ['b'] } }))
  expect(await core.connectedToTenant('b', currentDatabase)).toEqual({ name: nameOf(two) })
  expect(await core.shardFor('b')).toBe('shard')
})

test('inside a scope the ambient db needs no default Sharding: its events and names are those of the scope', async () => {
  const sharding = openSharding({ shard: { connection: one }, other: { connection: two } })
  const seen: string[] = []
  const listener = ({ sql }: { sql: string }) => seen.push(sql)
  await sharding.connectedTo('shard', async () => {
    db.on('query', listener)
    expect('raw' in db).toBe(true)
    expect(db.fn.now().toString()).toBe('CURRENT_TIMESTAMP')
    await db.raw('select 1')
  })
  await sharding.connectedTo('other', async () => {
    await db.raw('select 2')
    db.off('query', listener)
    await db.raw('select 3')
  })
  expect(seen).toEqual(['select 1', 'select 2'])
})
