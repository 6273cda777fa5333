import { createDatabase } from '@sherd/local-servers/test-database'
import type { Knex } from 'knex'
import { beforeAll, describe, expect, test } from 'vitest'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'

type ScrubMode = 'always' | 'auto' | 'never'

const PLAIN = [
  "create type mood as enum ('glad', 'sad')",
  `create table items (
    id uuid primary key default gen_random_uuid(), name varchar(80) not null default 'new'::text, mood mood,
    tags text[], n int check (n < 1000000), at timestamptz default now(), doc jsonb default '{}'
  )`,
  'create index on items (lower(name)) where n > 0',
  'create table notes (id int primary key, item uuid references items on delete cascade)',
  'create table numbered (id serial primary key, n int)',
  'create table counted (id int generated always as identity, n int)',
]

function open(url: string, scrub: ScrubMode, more: object = {}) {
  const sharding = openSharding({ one: { connection: url, scrub, pool: { max: 1 }, ...more } })
  const counts = () => {
    const { scrubCount, scrubSkippedCount } = sharding.stats().shards['one']?.writing ?? expect.fail()
    return { scrubCount, scrubSkippedCount }
  }
  const lease = <T>(fn: (db: Knex) => T | PromiseLike<T>) =>
    sharding.connectedTo('one', async () => fn(sharding.db))
  return { sharding, counts, lease }
}

describe('of an ordinary database', () => {
  const harmless: Record<string, (db: Knex) => PromiseLike<unknown>> = {
    'three SELECTs': async (db) => {
      await db('items').select('id', 'name').where({ mood: 'sad' })
      await db('items').whereIn('n', [1, 2, 3]).orderBy('at').first()
      await db('public.items').join('notes', 'items.id', 'notes.item').count('* as n')
    },
    'writes to tables without sequences': async (db) => {
      await db('items').insert({ name: 'a', n: 1 }).returning('id')
      await db('items').where({ name: 'a' }).increment('n', 1)
      await db('notes').insert({ id: 1 }).onConflict('id').merge()
      await db('numbered').where({ id: 1 }).update({ n: 2 })
      await db('notes').del()
    },
    'transactions and savepoints': async (db) => {
      await db.transaction(async (outer) => {
        await outer('items').forUpdate()
        await outer.transaction((inner) => inner('items').insert({ name: 'b' }))
      })
      await db.transaction((trx) => trx('items'), { isolationLevel: 'serializable', readOnly: true })
      await db.transaction((trx) => trx('notes').insert([{ id: 7 }, { id: 7 }])).catch(() => {})
    },
    'refused statements': async (db) => {
      await db('items')
        .insert({ name: 'c', n: 1_000_000 })
        .catch(() => {})
      await db('notes')
        .insert([{ id: 7 }, { id: 7 }])
        .catch(() => {})
      await db('items').limit(1)
    },
    nothing: async () => {},
  }
  for (const [what, use] of Object.entries(harmless)) {
    test(`L8: scrub: auto leaves the scrub out after ${what}`, async () => {
      const url = await createDatabase()
      await runSql(url, ...PLAIN)
      const { lease, counts } = open(url, 'auto')
      for (let round = 0; round < 3; round++) await lease(use)
      expect(counts()).toEqual({ scrubCount: 0, scrubSkippedCount: 3 })
    })
  }

  test('L8: the server sees no scrub where it is left out, and sees it where it is not', async () => {
    const url = await createDatabase()
    await runSql(url, ...PLAIN)
    const view = await ServerView.open(url)
    const { lease } = open(url, 'auto')
    const last = async () =>
      (
        await view.query(
          "select query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
        )
      ).map((row) => row['query'])
    await lease((db) => db('items').where({ n: 1 }))
    expect(await last()).toEqual(['select * from "items" where "n" = $1'])
    await lease((db) => db.raw('select 1'))
    await lease((db) => db('items').where({ n: 1 }))
    await lease((db) => db('numbered').insert({ n: 1 }))
    // The catalogue still holds, so nothing follows the scrub.
    await expect.poll(last).toEqual(['DISCARD ALL'])
  })

  const doubted = createDatabase()
  beforeAll(async () => runSql(await doubted, ...PLAIN, "insert into items (name) values ('a')"))
  const doubtful: Record<string, (db: Knex) => PromiseLike<unknown>> = {
    'a raw statement': (db) => db.raw('select 1'),
    'a raw fragment with a function': (db) =>
      db('items').select(db.raw('set_config(?, ?, false)', ['app.x', 'y'])),
    'a function in a whereRaw': (db) => db('items').whereRaw('pg_sleep(0) is null'),
    'a raw table': (db) => db.from(db.raw("set_config('app.x', 'y', false)")),
    'a table of the schema builder': (db) => db.schema.createTable('made', (table) => table.integer('id')),
    'a system view': (db) => db('pg_settings').where({ name: 'none' }),
    'an UPDATE of pg_settings': (db) =>
      db('pg_settings').where({ name: 'statement_timeout' }).update({ setting: '7' }),
    'an INSERT that draws from a sequence': (db) => db('numbered').insert({ n: 1 }),
    'an INSERT that draws from an identity': (db) => db('counted').insert({ n: 1 }),
    'a sequence that is read': (db) => db('numbered_id_seq'),
    'a stream that is iterated': async (db) => {
      for await (const _ of db('items').stream());
    },
    'a stream that is piped': (db) =>
      new Promise((resolve) =>
        db('items')
          .stream()
          .on('data', () => {})
          .on('end', resolve),
      ),
    'a named statement': (db) => db('items').options({ name: 'mine' }),
    'a listener that changes what is sent': (db) => {
      db.client.once('start', (builder: Knex.QueryBuilder) =>
        builder.select(db.raw("set_config('app.x', 'y', false)")),
      )
      return db('items')
    },
    'a WITH query': (db) => db.with('x', db('items')).from('x'),
    'a comment': (db) => db('items').comment('hello'),
    'a table that is not there': (db) => db('nowhere').then(undefined, () => {}),
  }
  for (const [what, use] of Object.entries(doubtful)) {
    test(`L8: scrub: auto scrubs after ${what}`, async () => {
      const { lease, counts } = open(await doubted, 'auto')
      await lease(use)
      expect(counts()).toEqual({ scrubCount: 1, scrubSkippedCount: 0 })
      // And then no more, as soon as it has looked at a catalogue that it has changed itself.
      const skips = async () => {
        await lease((db) => db('items'))
        return counts().scrubSkippedCount
      }
      await expect.poll(skips).toBeGreaterThan(0)
    })
  }

  test('L8: scrub: auto rolls back what is left open, however harmless', async () => {
    const { sharding, lease, counts } = open(await doubted, 'auto')
    await lease(async (db) => {
      await db.raw('begin')
      await db('items').insert({ name: 'left open' })
    })
    expect(await lease((db) => db('items').where({ name: 'left open' }))).toEqual([])
    expect(counts()).toEqual({ scrubCount: 1, scrubSkippedCount: 1 })
    expect(sharding.stats().shards['one']?.writing.rollbackCount).toBe(1)
  })

  test('L8: scrub: auto scrubs after a query that was stopped, lest the server stop what comes next', async () => {
    const url = await createDatabase()
    await runSql(url, ...PLAIN)
    const view = await ServerView.open(url)
    await view.query('begin')
    await view.query('lock table items')
    const { lease, counts } = open(url, 'auto')
    await expect(lease((db) => db('items').timeout(20, { cancel: true }))).rejects.toThrow()
    await expect.poll(counts).toEqual({ scrubCount: 1, scrubSkippedCount: 0 })
  })

  type Driver = { query?: (sql: string, done: () => void) => unknown }
  const bypasses: Record<string, (connection: Driver, sql: string, done: () => void) => unknown> = {
    'past its queries': (connection, sql, done) =>
      Object.getPrototypeOf(connection).query.call(connection, sql, done),
    'without what watches it': (connection, sql, done) => {
      delete connection.query
      return (connection as Required<Driver>).query(sql, done)
    },
  }
  for (const [how, send] of Object.entries(bypasses)) {
    test(`L8: scrub: auto scrubs after a raw connection was used ${how}`, async () => {
      const { sharding, lease } = open(await doubted, 'auto')
      const setting = async () =>
        (await lease((db) => db.raw("select current_setting('app.x', true) as x"))).rows[0].x
      await lease(() =>
        sharding.withRawConnection<void, Driver>(
          (connection) => new Promise((resolve) => send(connection, "set app.x = 'y'", resolve)),
        ),
      )
      expect(await setting()).toBe('')
      // Nor is it trusted afterwards.
      await lease((db) => db('items').select(db.raw("set_config('app.x', 'y', false)")))
      expect(await setting()).toBe('')
    })
  }
})
