import { WritePreventedError } from '@sherd/core'
import type { Knex } from 'knex'
import { beforeEach, expect } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { until } from '../support/until.ts'

const url = await engine.createDatabase()
beforeEach(() => runSql(url, 'drop table if exists items', 'create table items (id int)'))

const { look, dirt, declared, undeclare } = engine.traces

async function sessionOf(db: Knex): Promise<unknown[]> {
  const answers = []
  for (const statement of look) answers.push(engine.rows(await db.raw(statement)))
  return answers
}

for (const [kind, statements] of Object.entries(dirt)) {
  test(`L8: on the same connection the next borrower sees nothing of a ${kind}`, async () => {
    const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
    const { db } = sharding
    const [pid, baseline] = await sharding.connectedTo('one', async () => [
      await backendPid(db),
      await sessionOf(db),
    ])
    await sharding.connectedTo('one', async () => {
      for (const statement of statements) await db.raw(statement)
      expect(await backendPid(db)).toBe(pid)
    })
    await sharding.connectedTo('one', async () => {
      expect(await sessionOf(db)).toEqual(baseline)
      expect(await backendPid(db)).toBe(pid)
      expect(await db('items')).toEqual([])
    })
  })
}

test('L8: what `session` declares is the baseline, and survives', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 }, session: declared } })
  const { db } = sharding
  const plain = openSharding({ one: { connection: url } })
  const undeclared = await plain.connectedTo('one', () => sessionOf(plain.db))
  const seen: unknown[] = []
  for (let round = 0; round < 3; round++) {
    await sharding.connectedTo('one', async () => {
      seen.push(await sessionOf(db))
      await db.raw(undeclare)
    })
  }
  expect(seen[0]).not.toEqual(undeclared)
  expect(seen[1]).toEqual(seen[0])
  expect(seen[2]).toEqual(seen[0])
})

test('L8: scrub never leaves settings, and still no open transaction', async () => {
  const sharding = openSharding({ one: { connection: url, scrub: 'never', pool: { max: 1 } } })
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.raw(engine.sql.mark.set)
    await db.raw('begin')
    await db('items').insert({ id: 1 })
  })
  await sharding.connectedTo('one', async () => {
    expect(await db('items')).toEqual([])
    expect(engine.rows(await db.raw(`select ${engine.sql.mark.get} as mark`))).toEqual([{ mark: 'x' }])
  })
})

test('L8: a connection that cannot be cleaned is destroyed, and who waits gets another', async () => {
  let opened = 0
  const failing = { next: false }
  const connections = new Set<object>()
  const sharding = openSharding({
    one: {
      connection: url,
      pool: { max: 1 },
      async afterCreate(connection) {
        if (!connections.has(connection)) opened++
        connections.add(connection)
        if (!failing.next) return
        failing.next = false
        throw new Error('not this time')
      },
    },
  })
  await sharding.connectedTo('one', () => {
    failing.next = true
  })
  await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
  expect(opened).toBe(2)
})

test.needs('SERVER')('L8: an idle connection whose session was ended is not lent', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const { db } = sharding
  const view = await engine.view(url)
  const first = await sharding.connectedTo('one', () => backendPid(db))
  await until(() => sharding.stats().shards['one']?.writing.idle === 1)
  await view.terminate(first)
  await until(() => sharding.stats().shards['one']?.writing.total === 0)
  expect(await sharding.connectedTo('one', () => backendPid(db))).not.toBe(first)
})

test('S8: a reading scope begins transactions, reads, and does not write', async () => {
  const sharding = openSharding({ one: { connection: url } })
  const { db } = sharding
  await sharding.connectedTo({ shard: 'one', role: 'reading' }, async () => {
    expect(await db.transaction((trx) => trx('items').where({ id: 1 }))).toEqual([])
    for (const write of [
      () => db('items').insert({ id: 1 }),
      () => db('items').del(),
      () => db.raw("replace into items values ('it\\'s')"),
      () => db.transaction((trx) => trx('items').update({ id: 2 })),
    ]) {
      expect(await errorOf(write)).toBeInstanceOf(WritePreventedError)
    }
  })
})

test.needs('SERVER')('L7: a query that takes too long is stopped on the server, and no other', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const { db } = sharding
  const view = await engine.view(url)
  await sharding.connectedTo('one', async () => {
    const pid = await backendPid(db)
    for (let round = 0; round < 20; round++) {
      // Just when it ends by itself, too.
      const slow = db.raw(`select ${engine.sql.sleep(round % 2 === 0 ? 10 : 0.02)} as slept`).timeout(20)
      await slow.catch((error: Error) => expect(error.name).toBe('KnexTimeoutError'))
      expect(engine.rows(await db.raw(`select ${engine.sql.int} as n`, [round]))).toEqual([{ n: round }])
      expect(await view.running(engine.sql.sleeping)).toBeUndefined()
    }
    expect(await backendPid(db)).toBe(pid)
  })
})
