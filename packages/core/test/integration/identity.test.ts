import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import {
  createSharding,
  db,
  IdentityMismatchError,
  type Sharding,
  ShardUnavailableError,
} from '../../src/index.ts'
import { errorOf } from '../support/error-of.ts'
import { runSql } from '../support/run-sql.ts'

const url = await createDatabase()
const other = await createDatabase()

function open(shards: Record<string, object>): Sharding {
  const complete = Object.entries(shards).map(([name, shard]) => [name, { client: 'pg', ...shard }])
  return createSharding({ config: { shards: Object.fromEntries(complete) } })
}

const ask = (sharding: Sharding, shard: string) => sharding.connectedTo(shard, () => db.raw('select 1'))

test('fault 26: two shards that lead to the same database and schema are refused when both have connected', async () => {
  await using sharding = open({ shard_0: { connection: url }, shard_1: { connection: url } })
  await ask(sharding, 'shard_0')
  const error = await errorOf(() => ask(sharding, 'shard_1'))
  expect(error).toBeInstanceOf(ShardUnavailableError)
  expect(error.cause).toBeInstanceOf(IdentityMismatchError)
  expect((error.cause as Error).message).toMatch(
    /^Shards "shard_0" and "shard_1" lead to the same database and schema/,
  )
  await ask(sharding, 'shard_0')
  expect(sharding.stats().shards['shard_1']?.writing.total).toBe(0)
})

test('shards may be schemas of one database', async () => {
  await runSql(url, 'create schema one; create schema two')
  await using sharding = open({
    shard_0: { connection: url, session: { search_path: 'one' } },
    shard_1: { connection: url, knex: { searchPath: ['two'] } },
    shard_2: { connection: other },
  })
  for (const shard of sharding.shardNames) await ask(sharding, shard)
})

test('fault 26: a shard whose database declares another identity runs no query, nor its afterCreate', async () => {
  await runSql(
    other,
    "create table sherd_identity (identity text); insert into sherd_identity values ('eu-1')",
  )
  let prepared = 0
  const afterCreate = () => {
    prepared++
  }
  await using sharding = open({
    right: { connection: other, identity: 'eu-1', afterCreate },
    wrong: { connection: other, identity: 'eu-0', afterCreate },
    undeclared: { connection: url, identity: 'eu-2', afterCreate },
  })
  const wrong = await errorOf(() => ask(sharding, 'wrong'))
  expect((wrong.cause as Error).message).toBe(
    'Shard "wrong" is to be "eu-0", and the table sherd_identity of its database says ["eu-1"]. ' +
      'Correct `connection`, or `identity`.',
  )
  const undeclared = await errorOf(() => ask(sharding, 'undeclared'))
  expect((undeclared.cause as Error).message).toMatch(
    /its database has no table sherd_identity that can be read/,
  )
  expect(prepared).toBe(0)
  await ask(sharding, 'right')
  expect(prepared).toBeGreaterThan(0)
})

test('a shard that moves to another database is let go there, and leaves the old one free', async () => {
  let current = url
  await using sharding = open({ shard_0: { connection: () => current, pool: { idleTimeoutMs: 1 } } })
  await ask(sharding, 'shard_0')
  current = other
  await expect.poll(() => sharding.stats().shards['shard_0']?.writing.total).toBe(0)
  await sharding.connectedTo('shard_0', async () => {
    const { rows } = await db.raw('select current_database() as name')
    expect(other).toContain(rows[0].name)
  })
})
