import { ScopeEndedError, ScopeMismatchError, TransactionEndedError } from '@sherd/core'
import type { Knex } from 'knex'
import { expect } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'

const one = await engine.createDatabase()
const two = await engine.createDatabase()
for (const url of [one, two]) await runSql(url, 'create table home (id int)', 'insert into home values (1)')

function open() {
  return openSharding({
    one: { connection: one, tenants: ['a', 'b'] },
    two: { connection: two, tenants: ['c'] },
  })
}

/** Every kind of thing that runs a query only when it is awaited; each answers with the name of its database. */
const kinds: Record<string, (db: Knex) => PromiseLike<unknown>> = {
  builder: (db) => db.select(db.raw(`${engine.sql.database} as name`)).first(),
  'builder of a table': (db) => db('home').first(db.raw(`${engine.sql.database} as name`)),
  'cloned builder': (db) =>
    db
      .select(db.raw(`${engine.sql.database} as name`))
      .first()
      .clone(),
  raw: (db) => db.raw(`select ${engine.sql.database} as name`),
  queryBuilder: (db) =>
    db
      .queryBuilder()
      .select(db.raw(`${engine.sql.database} as name`))
      .first(),
  schema: (db) => db.schema.raw(`select ${engine.sql.database} as name`),
}

function databaseIn(answer: unknown): string {
  return (answer as { name?: string }).name ?? engine.rows(answer)[0]?.name ?? 'unknown'
}

for (const [kind, make] of Object.entries(kinds)) {
  test(`S6: a ${kind} made in one scope and awaited in another runs on its own scope's connection`, async () => {
    const sharding = open()
    await sharding.connectedTo('one', async () => {
      const query = make(sharding.db)
      const answer = await sharding.connectedTo('two', async () => await query)
      expect(databaseIn(answer)).toBe(engine.nameOf(one))
    })
  })

  test(`S6: a ${kind} awaited after its scope has ended rejects, inside and outside of other scopes`, async () => {
    const sharding = open()
    const queries: PromiseLike<unknown>[] = []
    await sharding.connectedTo('one', () => {
      queries.push(make(sharding.db), make(sharding.db), make(sharding.db))
    })
    const [first, second, third] = queries
    expect(await errorOf(async () => await first)).toBeInstanceOf(ScopeEndedError)
    await sharding.connectedTo('two', async () =>
      expect(await errorOf(async () => await second)).toBeInstanceOf(ScopeEndedError),
    )
    await sharding.connectedTo('one', async () =>
      expect(await errorOf(async () => await third)).toBeInstanceOf(ScopeEndedError),
    )
  })
}

test('S6: a query awaited outside, while its scope lasts, runs on its connection', async () => {
  const sharding = open()
  let query: PromiseLike<unknown> | undefined
  const [made, awaited] = [deferred(), deferred()]
  const scope = sharding.connectedTo('one', async () => {
    query = sharding.db.raw(`select ${engine.sql.database} as name`)
    made.resolve()
    await awaited.promise
  })
  await made.promise
  expect(databaseIn(await query)).toBe(engine.nameOf(one))
  awaited.resolve()
  await scope
})

test('S6: fragments and subqueries cross scopes as long as they are not executed themselves', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('two', async () => {
    const name = db.raw(engine.sql.database)
    const subquery = db.select(db.raw('1 as id'))
    await sharding.connectedTo('one', async () => {
      const rows = await db
        .select({ name })
        .from(subquery.as('numbers'))
        .whereIn('id', db.select(db.raw('1')))
      expect(rows).toEqual([{ name: engine.nameOf(one) }])
    })
  })
  const outsideFragment = db.ref('id')
  await sharding.connectedTo('one', async () => {
    expect(await db.select(outsideFragment).from(db.select(db.raw('5 as id')).as('t'))).toEqual([{ id: 5 }])
  })
})

test("S6: a builder given to another scope's transaction is refused", async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const foreign = await db.transaction()
    await sharding.connectedTo('two', async () => {
      const queries = [
        db.raw('create table wrong_home (id int)'),
        db.select(1),
        db.schema.createTable('wrong_home', () => {}),
      ]
      for (const query of queries)
        expect(await errorOf(() => query.transacting(foreign as never))).toBeInstanceOf(ScopeMismatchError)
    })
    expect(await foreign.raw('select 1 as alive').then((answer) => engine.rows(answer))).toEqual([
      { alive: 1 },
    ])
    await foreign.rollback()
  })
  expect(await sharding.connectedTo('two', () => db.schema.hasTable('wrong_home'))).toBe(false)
})

test('S6: a transaction of another tenant is foreign, even on the same connection', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedToTenant('a', async () => {
    const trx = await db.transaction()
    await sharding.connectedToTenant('b', async () => {
      expect(await errorOf(() => db.raw('select 1').transacting(trx))).toBeInstanceOf(ScopeMismatchError)
      expect(await errorOf(() => sharding.withTransaction(trx, () => 1))).toBeInstanceOf(ScopeMismatchError)
    })
    await db.raw('select 1').transacting(trx)
    await trx.rollback()
  })
})

test("S6: trx(…) belongs to trx's scope wherever it is called", async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const trx = await db.transaction()
    const pid = await backendPid(trx)
    await sharding.connectedTo('two', async () => {
      expect(await backendPid(trx)).toBe(pid)
      expect(await trx.select(trx.raw(`${engine.sql.database} as name`))).toEqual([
        { name: engine.nameOf(one) },
      ])
      await db.transaction(async () => {
        expect(await backendPid(trx)).toBe(pid)
      })
    })
    await trx.rollback()
  })
})

test('S6: a copy of a builder made in one scope keeps its home', async () => {
  const sharding = open()
  await sharding.connectedTo('one', async () => {
    const query = sharding.db.select(sharding.db.raw(`${engine.sql.database} as name`)).first()
    await sharding.connectedTo('two', async () => {
      expect(databaseIn(await query.clone())).toBe(engine.nameOf(one))
    })
  })
})

test('S6: batchInsert runs where it was called', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.raw('create table batch_home (id int)')
    const inserting = db.batchInsert('batch_home', [{ id: 1 }, { id: 2 }], 1)
    await sharding.connectedTo('two', async () => await inserting)
    expect(await db('batch_home').orderBy('id')).toEqual([{ id: 1 }, { id: 2 }])
  })
})

test('S6: batchInsert into the transaction of another scope is refused', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.raw('create table batch_foreign (id int)')
    const foreign = await db.transaction()
    await sharding.connectedTo('two', async () => {
      const inserting = db.batchInsert('batch_foreign', [{ id: 1 }]).transacting(foreign)
      expect(await errorOf(() => inserting)).toBeInstanceOf(ScopeMismatchError)
    })
    await db.batchInsert('batch_foreign', [{ id: 2 }]).transacting(foreign)
    await foreign.commit()
    expect(await db('batch_foreign')).toEqual([{ id: 2 }])
  })
})

test('S6: the transaction of a provider belongs to the scope in which the provider was made', async () => {
  const sharding = open()
  const { db } = sharding
  let provide!: ReturnType<typeof db.transactionProvider>
  await sharding.connectedTo('one', async () => {
    provide = db.transactionProvider()
    await sharding.connectedTo('two', async () => {
      const trx = await provide()
      expect(await provide()).toBe(trx)
      expect(await trx.select(trx.raw(`${engine.sql.database} as name`))).toEqual([
        { name: engine.nameOf(one) },
      ])
      await trx.commit()
    })
    provide = db.transactionProvider()
  })
  expect(await errorOf(() => provide())).toBeInstanceOf(ScopeEndedError)
})

test('S6: a query made inside a transaction never falls back to the scope around it', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    let query: PromiseLike<unknown> | undefined
    await db.transaction(async () => {
      query = db.raw('select 1')
    })
    expect(await errorOf(async () => await query)).toBeInstanceOf(TransactionEndedError)
  })
})

test('S6: a query made before a transaction and awaited inside it runs inside, and waits for nobody', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.raw('create table made_before (id int)')
    const insert = db('made_before').insert({ id: 1 })
    await db
      .transaction(async () => {
        await insert
        throw new Error('roll back')
      })
      .catch(() => {})
    expect(await db('made_before')).toEqual([])
  })
})
