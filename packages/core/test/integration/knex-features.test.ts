import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDatabase } from '@sherd/local-servers/test-database'
import knex, { type Knex } from 'knex'
import { beforeEach, expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

const url = await createDatabase()
const two = await createDatabase()
beforeEach(() =>
  runSql(url, 'drop schema public cascade', 'create schema public', 'create table items (id int)'),
)

function open(more: object = {}) {
  const sharding = openSharding({
    one: { connection: url, pool: { max: 1, checkoutTimeoutMs: 20_000 }, ...more },
    two: { connection: two },
  })
  return { sharding, db: sharding.db }
}

async function migrations(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sherd-test-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

test('migrations go up and down on the lease of the scope, also those without a transaction', async () => {
  const directory = await migrations({
    '1_create.cjs': `
      exports.up = (knex) => knex.schema.createTable('made', (table) => table.increments())
      exports.down = (knex) => knex.schema.dropTable('made')`,
    '2_index.cjs': `
      exports.config = { transaction: false }
      exports.up = (knex) => knex.raw('create index concurrently made_index on made (id)')
      exports.down = (knex) => knex.raw('drop index concurrently made_index')`,
  })
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const [batch, files] = await db.migrate.latest({ directory })
    expect([batch, files]).toEqual([1, ['1_create.cjs', '2_index.cjs']])
    expect(await db.schema.hasTable('made')).toBe(true)
    expect(await db.migrate.currentVersion({ directory })).toBe('2')
    expect((await db.migrate.list({ directory }))[1]).toEqual([])
    await db.migrate.rollback({ directory })
    expect(await db.schema.hasTable('made')).toBe(false)
    await db.migrate.up({ directory })
    await db.migrate.down({ directory })
    expect(await db.schema.hasTable('made')).toBe(false)
  })
})

test('a migration that fails is undone', async () => {
  const directory = await migrations({
    '1_create.cjs':
      "exports.up = (knex) => knex.schema.createTable('made', () => {}); exports.down = () => {}",
    '2_fail.cjs': "exports.up = (knex) => knex.raw('select 1 / 0'); exports.down = () => {}",
  })
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    expect(await errorOf(() => db.migrate.latest({ directory }))).toMatchObject({ code: '22012' })
    expect(await db.schema.hasTable('made')).toBe(false)
    expect(await db('knex_migrations')).toEqual([])
    expect(await db('knex_migrations_lock').pluck('is_locked')).toEqual([0])
  })
})

test('migrations inside a transaction are part of it', async () => {
  const directory = await migrations({
    '1_create.cjs':
      "exports.up = (knex) => knex.schema.createTable('made', () => {}); exports.down = () => {}",
  })
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const before = db.migrate
    for (const migrate of [() => db.migrate, () => before]) {
      await db
        .transaction(async () => {
          await migrate().latest({ directory })
          expect(await db.schema.hasTable('made')).toBe(true)
          throw new Error('roll back')
        })
        .catch(() => {})
      expect(await db.schema.hasTable('made')).toBe(false)
    }
  })
})

test('a migration may use the ambient db', async () => {
  const { sharding, db } = open()
  const migrationSource = {
    getMigrations: async () => ['only'],
    getMigrationName: (name: string) => name,
    getMigration: async () => ({
      up: () => db('items').insert({ id: 7 }),
      down: () => db('items').del(),
    }),
  } as unknown as Knex.MigrationSource<string>
  await sharding.connectedTo('one', async () => {
    await db.migrate.latest({ migrationSource })
    expect(await db('items').pluck('id')).toEqual([7])
  })
})

test('seeds run on the lease of the scope', async () => {
  const directory = await migrations({
    '1_seed.cjs': "exports.seed = (knex) => knex('items').insert({ id: 1 })",
  })
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    await db.seed.run({ directory })
    expect(await db('items').pluck('id')).toEqual([1])
  })
})

test('batchInsert inserts in chunks, all or nothing, with returning', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const rows = Array.from({ length: 10 }, (_, id) => ({ id }))
    expect(await db.batchInsert('items', rows, 3).returning('id')).toEqual(rows)
    await db.raw('alter table items add unique (id)')
    await db('items').del()
    expect(await errorOf(() => db.batchInsert('items', [...rows, { id: 0 }], 3))).toMatchObject({
      code: '23505',
    })
    expect(await db('items')).toEqual([])
  })
})

for (const cancel of [true, undefined]) {
  const options = cancel === undefined ? undefined : { cancel }
  test(`a query that takes longer than its timeout is stopped on the server, cancel: ${cancel}`, async () => {
    const { sharding, db } = open()
    const view = await ServerView.open(url)
    await sharding.connectedTo('one', async () => {
      const pid = await backendPid(db)
      const slow = () => db.raw('select pg_sleep(60)').timeout(100, options as { cancel: true })
      const error = await errorOf(slow)
      expect(error).toBeInstanceOf(knex.KnexTimeoutError)
      expect(error).toMatchObject({ timeout: 100, sql: 'select pg_sleep(60)' })
      expect(error.message).toBe('Defined query timeout of 100ms exceeded when running query.')
      // The server says so a moment after it has answered.
      await until(async () => (await view.running('pg_sleep')) === undefined)
      expect(await backendPid(db)).toBe(pid)
      expect(await errorOf(() => db.transaction(slow))).toBeInstanceOf(knex.KnexTimeoutError)
      expect(await backendPid(db)).toBe(pid)
      expect((await db.raw('select 1 as n').timeout(5000)).rows).toEqual([{ n: 1 }])
    })
    expect(sharding.stats().shards['one']?.writing.total).toBe(1)
  })
}

test('a timeout counts from the turn of its query', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const [, answer] = await Promise.all([
      db.raw('select pg_sleep(1.5)'),
      db.raw('select 1 as n').timeout(1000, { cancel: true }),
    ])
    expect(answer.rows).toEqual([{ n: 1 }])
  })
})

test('a timeout of one query hits no other, over many rounds', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    for (let round = 0; round < 30; round++) {
      const outcomes = await Promise.allSettled([
        db.raw('select pg_sleep(0.02)').timeout(20),
        db.raw('select pg_sleep(0.001), ?::int as n', [round]),
      ])
      expect(outcomes[1]).toMatchObject({ status: 'fulfilled', value: { rows: [{ n: round }] } })
    }
  })
})

test('events of knex reach listeners on all shards, present and future, until they are taken off', async () => {
  const { sharding, db } = open()
  const events: string[] = []
  const onQuery = ({ sql }: { sql: string }) => events.push(`query ${sql}`)
  const onError = (error: Error) => events.push(`error ${error.message}`)
  const onResponse = (_response: unknown, { sql }: { sql: string }) => events.push(`response ${sql}`)
  await sharding.connectedTo('one', () => db.raw('select 0'))
  db.on('query', onQuery)
  db.on('query-error', onError)
  db.on('query-response', onResponse)
  await sharding.connectedTo('one', async () => {
    await db.raw('select 1')
    await errorOf(() => db.raw('nonsense'))
    await db.transaction((trx) => trx.raw('select 2'))
  })
  await sharding.connectedTo('two', async () => {
    await db.select(1)
    await db.select(db.raw('3 as n')).stream().toArray()
  })
  expect(events).toEqual([
    'query select 1',
    'response select 1',
    'query nonsense',
    'error nonsense - syntax error at or near "nonsense"',
    'query BEGIN;',
    'query select 2',
    'response select 2',
    'query COMMIT;',
    'query select 1',
    'response select 1',
    'query select 3 as n',
  ])
  db.off('query', onQuery)
  db.removeListener('query-error', onError)
  db.off('query-response', onResponse)
  await sharding.connectedTo('one', () => db.raw('select 4'))
  await sharding.connectedTo('two', () => db.raw('select 4'))
  expect(events).toHaveLength(11)
})

test('events name the connection and the transaction', async () => {
  const { sharding, db } = open()
  const seen: { __knexUid?: string; __knexTxId?: string; sql: string }[] = []
  db.on('query', (event) => seen.push(event))
  await sharding.connectedTo('one', async () => {
    await db.raw('select 1')
    await db.transaction((trx) => trx.raw('select 2'))
    await db.raw('select 3')
  })
  const transaction = expect.stringMatching(/^trx\d+$/)
  expect(seen.map(({ sql, __knexTxId }) => [sql, __knexTxId])).toEqual([
    ['select 1', undefined],
    ['BEGIN;', transaction],
    ['select 2', transaction],
    ['COMMIT;', transaction],
    ['select 3', undefined],
  ])
  expect(new Set(seen.map(({ __knexUid }) => __knexUid)).size).toBe(1)
  expect(seen[0]?.__knexUid).toBeTypeOf('string')
})

test('events of a builder and of a transaction', async () => {
  const { sharding, db } = open()
  const seen: string[] = []
  await sharding.connectedTo('one', async () => {
    await db('items')
      .on('start', () => seen.push('start'))
      .on('query', () => seen.push('query'))
      .on('query-response', () => seen.push('response'))
      .on('end', () => seen.push('end'))
    const transaction = db.transaction((trx) => trx('items'))
    ;(transaction as unknown as NodeJS.EventEmitter).on('query', () => seen.push('in transaction'))
    await transaction
  })
  expect(seen).toEqual([
    'start',
    'query',
    'response',
    'end',
    'in transaction',
    'in transaction',
    'in transaction',
  ])
})

test('outside of scopes fn, ref and client build; destroy and initialize never work', async () => {
  const { sharding, db } = open()
  expect(db.fn.now().toString()).toBe('CURRENT_TIMESTAMP')
  expect(db.fn.uuid().toString()).toContain('gen_random_uuid()')
  expect(db.ref('items.id').toString()).toBe('"items"."id"')
  expect(db.client.dialect).toBe('postgresql')
  for (const use of [() => db.destroy(), () => db.initialize()]) {
    expect(use).toThrow(/sharding\.close/)
    await sharding.connectedTo('one', () => expect(use).toThrow(/sharding\.close/))
  }
  expect(() => Object.assign(db, { client: 1 })).toThrow(TypeError)
  expect('raw' in db).toBe(true)
  expect(typeof db).toBe('function')
})

test('db is no thenable', async () => {
  const { sharding, db } = open()
  expect(await sharding.connectedTo('one', async () => db)).toBe(db)
  expect(await Promise.resolve(db)).toBe(db)
  expect('then' in db).toBe(false)
})

test('methods of db work without it, in whichever scope they are called', async () => {
  const { sharding, db } = open()
  const { raw, select, transaction } = db
  for (const [shard, address] of [
    ['one', url],
    ['two', two],
  ] as const) {
    await sharding.connectedTo(shard, async () => {
      const name = new URL(address).pathname.slice(1)
      expect((await raw('select current_database() as name')).rows).toEqual([{ name }])
      expect(await select(raw('current_database() as name'))).toEqual([{ name }])
      await transaction(async (trx) => {
        expect(await trx.select(trx.raw('current_database() as name'))).toEqual([{ name }])
        expect((await raw('select pg_current_xact_id_if_assigned()')).rows).toHaveLength(1)
      })
    })
  }
})

test('methods that a plugin adds to the builder work on db', async () => {
  knex.QueryBuilder.extend(
    'onlyFirst' as never,
    function (this: Knex.QueryBuilder) {
      return this.orderBy('id').limit(1)
    } as never,
  )
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    await db('items').insert([{ id: 2 }, { id: 1 }])
    const rows = await (db('items') as never as { onlyFirst(): Knex.QueryBuilder }).onlyFirst()
    expect(rows).toEqual([{ id: 1 }])
  })
})

test('user parameters go with a copy of db, and into its transactions', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const copy = db.withUserParams({ who: 'me' })
    expect(copy.userParams).toEqual({ who: 'me' })
    expect(await copy.select(copy.raw('1 as n'))).toEqual([{ n: 1 }])
    const found = await copy.transaction(async (trx) => {
      expect(trx.userParams).toEqual({ who: 'me' })
      return backendPid(trx)
    })
    expect(found).toBe(await backendPid(db))
    expect(db.userParams).toEqual({})
  })
})

test('postProcessResponse, wrapIdentifier and queryContext are as in knex', async () => {
  const { sharding, db } = open({
    knex: {
      wrapIdentifier: (name: string, original: (name: string) => string) => original(name.toLowerCase()),
      postProcessResponse: (response: unknown, context: unknown) =>
        context === 'count' ? (response as unknown[]).length : response,
    },
  })
  await sharding.connectedTo('one', async () => {
    await db('ITEMS').insert([{ ID: 1 }, { ID: 2 }])
    expect(await db('ITEMS').queryContext('count')).toBe(2)
  })
})

test('first, pluck, returning, upserts, joins, unions, subqueries and expressions', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    await db.schema.createTable('users', (table) => {
      table.increments('id')
      table.string('name').unique()
    })
    expect(await db('users').insert([{ name: 'ann' }, { name: 'bob' }], ['id'])).toEqual([
      { id: 1 },
      { id: 2 },
    ])
    await db('users').insert({ name: 'ann' }).onConflict('name').ignore()
    expect(await db('users').where('name', 'like', 'a%').first()).toEqual({ id: 1, name: 'ann' })
    expect(await db('users').orderBy('id').pluck('name')).toEqual(['ann', 'bob'])
    expect(await db('users').where({ id: 1 }).update({ name: 'eve' }).returning('name')).toEqual([
      { name: 'eve' },
    ])
    expect(await db('users').update({ name: db.raw('upper(name)') })).toBe(2)
    const named = db('users').select('id').where({ name: 'EVE' })
    expect(await db('users').whereIn('id', named).orWhereExists(db('items')).pluck('name')).toEqual(['EVE'])
    expect(await db('users as a').join('users as b', 'a.id', 'b.id').count('* as n').first()).toEqual({
      n: '2',
    })
    expect(
      await db('users')
        .select('id')
        .union(db.select(db.raw('9')))
        .orderBy('id'),
    ).toHaveLength(3)
    expect(await db.with('all', db('users')).from('all').count('* as n')).toEqual([{ n: '2' }])
    expect(await db('users').columnInfo('name')).toMatchObject({ type: 'character varying' })
    expect(await db('users').where({ id: 2 }).del()).toBe(1)
    expect(await db.schema.hasColumn('users', 'name')).toBe(true)
  })
})

test('callbacks of the old style are called', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const rows = await new Promise((resolve, reject) => {
      db.select(db.raw('1 as n')).asCallback((error: unknown, found: unknown) =>
        error ? reject(error) : resolve(found),
      )
    })
    expect(rows).toEqual([{ n: 1 }])
  })
})

test("a builder's own connection is not taken from elsewhere", async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    await sharding.withRawConnection(async (connection) => {
      const { rows } = await db.raw('select 1 as n').connection(connection)
      expect(rows).toEqual([{ n: 1 }])
    })
  })
})

test('a toString and toSQL need no connection', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo({ shard: 'one', checkout: 'lazy' }, async () => {
    expect(db('items').where({ id: 1 }).toString()).toBe('select * from "items" where "id" = 1')
    expect(db('items').where({ id: 1 }).toSQL().toNative()).toMatchObject({ bindings: [1] })
    expect(sharding.stats().shards['one']?.writing.total).toBe(0)
  })
})

test('an idle shard shows no state of the query that ran before', async () => {
  const { sharding, db } = open()
  const view = await ServerView.open(url)
  await sharding.connectedTo('one', () => errorOf(() => db.raw('select 1 / 0')))
  await until(() => sharding.stats().shards['one']?.writing.idle === 1)
  expect((await view.sessions()).map(({ state }) => state)).toEqual(['idle'])
})
