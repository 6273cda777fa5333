import { WritePreventedError } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import type { Knex } from 'knex'
import { expect, test } from 'vitest'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'

const url = await createDatabase()
// A database of its own stands for a replica: what is tested is where the query goes.
const replica = await createDatabase()
const open = () => openSharding({ one: { connection: url } })

await runSql(url, 'create table items (id int, "update" text)', "insert into items values (1, 'kept')")

const writes: Record<string, (db: Knex) => PromiseLike<unknown>> = {
  insert: (db) => db('items').insert({ id: 2 }),
  'insert … on conflict': (db) => db('items').insert({ id: 2 }).onConflict().ignore(),
  update: (db) => db('items').update({ id: 2 }),
  increment: (db) => db('items').increment('id', 1),
  del: (db) => db('items').del(),
  truncate: (db) => db('items').truncate(),
  'select for update': (db) => db('items').forUpdate(),
  'select for share': (db) => db('items').forShare(),
  'select for no key update': (db) => db('items').forNoKeyUpdate(),
  'select for key share': (db) => db('items').forKeyShare(),
  createTable: (db) => db.schema.createTable('other', () => {}),
  dropTable: (db) => db.schema.dropTable('items'),
  'create view': (db) => db.schema.raw('create view v as select 1'),
  'raw insert': (db) => db.raw('insert into items values (?)', [2]),
  'raw in capitals': (db) => db.raw('  DELETE FROM items'),
  'behind a comment': (db) => db.raw('/* select */ delete from items'),
  'behind a nested comment': (db) => db.raw("select 1 /* /* */ ' */; delete from items --'"),
  'behind a line comment': (db) => db.raw('-- select\ndelete from items'),
  'behind a dollar quote': (db) => db.raw("select $a1$ ' $a1$; delete from items; select '1'"),
  'behind an escape': (db) => db.raw("select E'\\''; delete from items; select '1'"),
  'in brackets': (db) => db.raw('(delete from items)'),
  'second of two statements': (db) => db.raw('select 1; delete from items'),
  'common table expression': (db) =>
    db.raw('with gone as (delete from items returning *) select * from gone'),
  'builder with a writing expression': (db) => db.with('gone', db('items').del()).select('*').from('gone'),
  'insert from a select': (db) => db('items').insert(db('items').select()),
  'select into': (db) => db.raw('select * into copy from items'),
  copy: (db) => db.raw("copy items from '/dev/null'"),
  'do block': (db) => db.raw('do $$ begin delete from items; end $$'),
  call: (db) => db.raw('call something()'),
  merge: (db) =>
    db.raw('merge into items using (select 1) as s(id) on items.id = s.id when matched then delete'),
  'explain analyze': (db) => db.raw('explain analyze delete from items'),
  grant: (db) => db.raw('grant select on items to public'),
  lock: (db) => db.raw('lock table items'),
  notify: (db) => db.raw('notify somebody'),
  vacuum: (db) => db.raw('vacuum items'),
  prepare: (db) => db.raw('prepare p as delete from items'),
  batchInsert: (db) => db.batchInsert('items', [{ id: 2 }]),
  'inside a transaction': (db) => db.transaction(async (trx) => await trx('items').del()),
  'ambient inside a transaction': (db) => db.transaction(async () => await db('items').del()),
  'in a stream': (db) => db('items').del().returning('*').stream().toArray(),
}

for (const [kind, write] of Object.entries(writes)) {
  test(`S8: a reading scope refuses a write before the wire: ${kind}`, async () => {
    const sharding = open()
    const sent: string[] = []
    sharding.db.on('query', ({ sql }) => sent.push(sql))
    for (const target of [
      { shard: 'one', role: 'reading' },
      { shard: 'one', preventWrites: true },
    ] as const) {
      await sharding.connectedTo(target, async () => {
        expect(await errorOf(async () => await write(sharding.db))).toBeInstanceOf(WritePreventedError)
        await sharding.db('items').select()
      })
    }
    const transactions = /^(BEGIN|ROLLBACK);?$/
    const others = sent.filter((sql) => !transactions.test(sql))
    expect(others).toEqual(['select * from "items"', 'select * from "items"'])
  })
}

const reads: Record<string, (db: Knex) => PromiseLike<unknown>> = {
  select: (db) => db('items').where({ id: 1 }),
  'column named like a write': (db) => db('items').select('update').where({ update: 'delete from items' }),
  'literal with a write in it': (db) => db.raw("select 'it''s; delete from items' as text"),
  'binding with a write in it': (db) => db.raw('select ? as text', ['; delete from items']),
  'common table expression': (db) => db.with('kept', db('items')).select('*').from('kept'),
  values: (db) => db.raw('values (1), (2)'),
  explain: (db) => db.raw('explain select * from items'),
  show: (db) => db.raw('show server_version'),
  'lone backslash': (db) => db.raw("select 'x' like '%' escape '\\'"),
  'escaped quote': (db) => db.raw("select E'it\\'s' as text"),
  'comment with a write in it': (db) => db.raw('/* delete from items */ select 1'),
  'dollar quote with a write in it': (db) => db.raw('select $x$ delete from items $x$ as text'),
  transaction: (db) => db.transaction(async (trx) => await trx('items')),
  'nested transaction': (db) =>
    db.transaction((trx) => trx.transaction(async (inner) => await inner('items'))),
  stream: (db) => db('items').stream().toArray(),
  'json operator': (db) => db.raw(`select '{"a": 1}'::jsonb \\? 'a' as has, 2 / 1 as two`),
}

for (const [kind, read] of Object.entries(reads)) {
  test(`S8: a reading scope reads: ${kind}`, async () => {
    const sharding = open()
    await sharding.connectedTo({ shard: 'one', role: 'reading' }, async () => await read(sharding.db))
  })
}

test('S8: a scope that reads, inside a transaction that writes, still does not write', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.transaction(async () => {
      await db('items').insert({ id: 50 })
      for (const target of [{ role: 'reading' }, { preventWrites: true }] as const) {
        await sharding.connectedTo(target, async () => {
          expect(await errorOf(() => db('items').del())).toBeInstanceOf(WritePreventedError)
          expect(await db('items').where({ id: 50 })).toHaveLength(1)
        })
      }
      await db('items').where({ id: 50 }).del()
    })
  })
})

test('S8: a builder that reads only is not made to write by a transaction', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const trx = await db.transaction()
    await sharding.connectedTo({ preventWrites: true }, async () => {
      expect(await errorOf(() => db('items').del().transacting(trx))).toBeInstanceOf(WritePreventedError)
      const stream = () => db('items').del().returning('*').transacting(trx).stream().toArray()
      expect(await errorOf(stream)).toBeInstanceOf(WritePreventedError)
      await sharding.withTransaction(trx, async () => {
        expect(await errorOf(() => db('items').del())).toBeInstanceOf(WritePreventedError)
      })
    })
    await trx.rollback()
  })
})

test('S8: the role reading goes to a replica where the shard has one', async () => {
  const sharding = openSharding({ one: { connection: url, replicas: [{ connection: replica }] } })
  const name = () => sharding.db.select(sharding.db.raw('current_database() as name')).first()
  const nameOf = (address: string) => ({ name: new URL(address).pathname.slice(1) })
  await sharding.connectedTo('one', async () => {
    expect(await name()).toEqual(nameOf(url))
    expect(await sharding.connectedTo({ role: 'reading' }, name)).toEqual(nameOf(replica))
  })
})
