import { expect } from 'vitest'
import { engine, test } from '../support/engine.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'

const url = await engine.createDatabase()
await runSql(url, 'create table notes (note varchar(20))')

function open() {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1, checkoutTimeoutMs: 20_000 } } })
  const lent = () => sharding.stats().shards['one']?.writing.active
  return { sharding, db: sharding.db, lent }
}

/** A transaction has let go of the connection when its end is told, not some time later. */
for (const verb of ['commit', 'rollback'] as const) {
  test(`L4: a connection can be released as soon as ${verb}() has settled`, async () => {
    const { sharding, db, lent } = open()
    await sharding.connectedTo('one', async () => {
      const trx = await db.transaction()
      await trx('notes').insert({ note: verb })
      await trx[verb]()
      await sharding.releaseConnection()
      // The pool's only connection serves somebody else meanwhile.
      await sharding.connectedTo({ shard: 'one', separate: true }, () =>
        db('notes').insert({ note: 'other' }),
      )
      expect(await db('notes').where({ note: verb })).toHaveLength(verb === 'commit' ? 1 : 0)
      expect(lent()).toBe(1)
    })
  })
}

test('L4: a connection can be released as soon as a transaction with a function has settled', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    for (const isFailing of [false, true]) {
      await db
        .transaction(async () => {
          await db('notes').insert({ note: 'function' })
          await db.transaction(() => db('notes').insert({ note: 'savepoint' }))
          if (isFailing) throw new Error('failed')
        })
        .catch(() => {})
      await sharding.releaseConnection()
    }
    expect(await db('notes').where({ note: 'savepoint' })).toHaveLength(1)
  })
})
