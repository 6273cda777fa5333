import { bindScope, ConnectionLostError } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import type { Knex } from 'knex'
import { afterAll, expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

const url = await createDatabase()
// Roles belong to the server, which other test files use too.
const database = new URL(url).pathname.slice(1)
const [appRole, otherRole] = [`${database}_app`, `${database}_other`]

await runSql(
  url,
  'create schema app',
  'create schema other',
  'create table items (id int)',
  'create sequence numbers',
  `create role ${appRole}`,
  `create role ${otherRole}`,
  `grant all on all tables in schema public to ${appRole}, ${otherRole}`,
)
afterAll(() => runSql(url, `drop owned by ${appRole}, ${otherRole}`, `drop role ${appRole}, ${otherRole}`))

/** Everything of a session that a lease can change and the next borrower could see. */
const SESSION = `
  select
    current_user, session_user,
    (select json_object_agg(name, setting order by name) from pg_settings where source = 'session') as settings,
    current_setting('search_path') as search_path,
    current_setting('app.tenant', true) as custom,
    (select count(*)::int from pg_class where relpersistence = 't') as temporary_tables,
    (select count(*)::int from pg_listening_channels()) as channels,
    (select count(*)::int from pg_prepared_statements where from_sql) as prepared,
    (select count(*)::int from pg_cursors where name <> '') as cursors,
    (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as advisory_locks,
    pg_current_xact_id_if_assigned()::text as transaction
`

const sessionOf = async (db: Knex) => {
  const { rows } = await db.raw(SESSION)
  return { ...rows[0], custom: rows[0].custom || null }
}

const dirt: Record<string, (db: Knex) => PromiseLike<unknown>> = {
  SET: (db) => db.raw("set statement_timeout = '7s'"),
  'set_config in a SELECT': (db) => db.select(db.raw("set_config('statement_timeout', '7s', false)")),
  'set_config in a function of a DO block': (db) =>
    db.raw("do $$ begin perform set_config('app.tenant', 'acme', false); end $$"),
  'custom setting': (db) => db.raw("set app.tenant = 'acme'"),
  search_path: (db) => db.raw('set search_path to other'),
  'SET TIME ZONE': (db) => db.raw("set time zone 'Asia/Tokyo'"),
  'SET SESSION CHARACTERISTICS': (db) => db.raw('set session characteristics as transaction read only'),
  'SET ROLE': (db) => db.raw(`set role ${otherRole}`),
  'SET SESSION AUTHORIZATION': (db) => db.raw(`set session authorization ${otherRole}`),
  'both of them': (db) => db.raw(`set session authorization ${otherRole}; set role ${otherRole}`),
  'temporary table': (db) => db.raw('create temporary table mine as select 1'),
  'temporary table that hides one of the tenant': (db) =>
    db.raw('create temporary table items as select 9 as id'),
  LISTEN: (db) => db.raw('listen news'),
  PREPARE: (db) => db.raw('prepare mine as select 1'),
  'PREPARE with a quoted name': (db) => db.raw('prepare "Mi""ne" as select 1'),
  'advisory lock': (db) => db.raw('select pg_advisory_lock(42)'),
  'cursor WITH HOLD': (db) => db.raw('declare mine cursor with hold for select 1'),
  'open transaction': (db) => db.raw('begin; insert into items values (1)'),
  'open transaction with settings': (db) =>
    db.raw("begin; set local statement_timeout = '7s'; set app.tenant = 'x'"),
  'failed transaction': async (db) => {
    await db.raw('begin')
    await errorOf(() => db.raw('select 1 / 0'))
  },
  'transaction left behind by a failed statement of many': (db) =>
    errorOf(() => db.raw('begin; select 1 / 0')),
  'prepared transaction block in a transaction': (db) =>
    db.raw("begin; prepare mine as select 1; set app.tenant = 'x'"),
  'named statement of the driver': (db) => db.raw('select 1').options({ name: 'driver_statement' }),
}

/** With named statements in use the scrub cannot be DISCARD ALL. */
const ways = {
  'DISCARD ALL': async () => {},
  'the list without DEALLOCATE': (db: Knex) => db.raw('select 1 as one').options({ name: 'warm' }),
}

for (const [way, warm] of Object.entries(ways)) {
  for (const [kind, soil] of Object.entries(dirt)) {
    test(`L8: the next borrower sees nothing of a ${kind} (${way})`, async () => {
      const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
      const { db } = sharding
      const [pid, baseline] = await sharding.connectedTo('one', async () => {
        await warm(db)
        return [await backendPid(db), await sessionOf(db)]
      })
      await sharding.connectedTo('one', async () => {
        expect(await backendPid(db)).toBe(pid)
        await soil(db)
      })
      await sharding.connectedTo('one', async () => {
        expect(await sessionOf(db)).toEqual(baseline)
        expect(await backendPid(db)).toBe(pid)
        expect(await db('items')).toEqual([])
        await db.raw('prepare mine as select 1; deallocate mine')
      })
    })
  }
}

test('L8: statements that the driver has prepared by name go on working', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const { db } = sharding
  for (let round = 0; round < 3; round++) {
    await sharding.connectedTo('one', async () => {
      const named = (n: number) => db.raw('select ?::int as n', [n]).options({ name: 'n_of' })
      expect((await named(round)).rows).toEqual([{ n: round }])
      expect((await named(round + 1)).rows).toEqual([{ n: round + 1 }])
      expect(await db('pg_prepared_statements').pluck('name')).toEqual(['n_of'])
    })
  }
})

for (const [way, warm] of Object.entries(ways)) {
  test(`L8: the next borrower sees no value of a sequence that the last one drew (${way})`, async () => {
    const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
    const { db } = sharding
    await sharding.connectedTo('one', async () => {
      await warm(db)
      await db.raw("select nextval('numbers')")
    })
    await sharding.connectedTo('one', async () => {
      expect(await errorOf(() => db.raw('select lastval()'))).toMatchObject({ code: '55000' })
    })
  })

  test(`L8: what the configuration declares is the baseline, and survives (${way})`, async () => {
    const sharding = openSharding({
      one: {
        connection: url,
        pool: { max: 1 },
        session: { 'app.tenant': "o'hara \\ {1}", statement_timeout: '9s', role: appRole },
        knex: { searchPath: ['app', 'We"ird, name'] },
      },
    })
    const { db } = sharding
    const look = async () => {
      const { rows } = await db.raw(
        `select current_user as role, current_setting('app.tenant') as tenant,
          current_setting('statement_timeout') as timeout, current_setting('search_path') as path`,
      )
      return rows[0]
    }
    const declared = {
      role: appRole,
      tenant: "o'hara \\ {1}",
      timeout: '9s',
      path: 'app, "We""ird, name"',
    }
    for (let round = 0; round < 3; round++) {
      await sharding.connectedTo('one', async () => {
        await warm(db)
        const found = await look()
        expect({ ...found, path: found.path.replace('"app",', 'app, ') }).toEqual(declared)
        await db.raw(`reset role; set role ${otherRole}; set search_path to other; set app.tenant = 'x'`)
        await db.raw('set statement_timeout = 0')
      })
    }
  })
}

test('L8: options in the address of a shard are part of the baseline', async () => {
  const address = new URL(url)
  address.searchParams.set('options', '-c search_path=app')
  for (const connection of [address.href, () => address.href]) {
    const sharding = openSharding({
      one: { connection, pool: { max: 1 }, session: { statement_timeout: '9s' } },
    })
    const { db } = sharding
    for (let round = 0; round < 2; round++) {
      await sharding.connectedTo('one', async () => {
        const { rows } = await db.raw(
          "select current_setting('search_path') as path, current_setting('statement_timeout') as timeout",
        )
        expect(rows).toEqual([{ path: 'app', timeout: '9s' }])
        await db.raw('set search_path to other')
      })
    }
  }
})

test('L8: afterCreate is part of the baseline: it runs again after each scrub', async () => {
  let runs = 0
  const sharding = openSharding({
    one: {
      connection: url,
      pool: { max: 1 },
      async afterCreate(connection) {
        runs++
        await (connection as { query(sql: string): Promise<unknown> }).query(
          "set app.tenant = 'from the hook'",
        )
      },
    },
  })
  const { db } = sharding
  for (let round = 0; round < 3; round++) {
    await sharding.connectedTo('one', async () => {
      const { rows } = await db.raw("select current_setting('app.tenant') as tenant")
      expect(rows).toEqual([{ tenant: 'from the hook' }])
      await db.raw("set app.tenant = 'acme'")
    })
  }
  await until(() => sharding.stats().shards['one']?.writing.idle === 1)
  expect(runs).toBe(4)
})

test('L8: a connection whose afterCreate fails is not lent, and not left behind', async () => {
  const sharding = openSharding({
    one: {
      connection: url,
      pool: { max: 2, checkoutTimeoutMs: 10_000 },
      afterCreate: () => Promise.reject(new Error('no hook')),
    },
  })
  const error = await errorOf(() => sharding.connectedTo('one', () => expect.unreachable()))
  expect(error).toMatchObject({ code: 'SHARD_ERR_SHARD_UNAVAILABLE', cause: { message: 'no hook' } })
  const view = await ServerView.open(url)
  await until(async () => (await view.sessions()).length === 0)
})

test('L8: a connection whose afterCreate does not end is let go with its attempt', async () => {
  const sharding = openSharding({
    one: {
      connection: url,
      pool: { max: 1, checkoutTimeoutMs: 400, connectTimeoutMs: 200 },
      afterCreate: () => new Promise(() => {}),
    },
  })
  await errorOf(() => sharding.connectedTo('one', () => expect.unreachable()))
  await sharding.close()
  const view = await ServerView.open(url)
  await until(async () => (await view.sessions()).length === 0)
})

test('L8: a connection that cannot be cleaned is destroyed, and who waits gets another', async () => {
  const failing = { next: false }
  const sharding = openSharding({
    one: {
      connection: url,
      pool: { max: 1 },
      async afterCreate() {
        if (!failing.next) return
        failing.next = false
        throw new Error('not this time')
      },
    },
  })
  const { db } = sharding
  const first = await sharding.connectedTo('one', async () => {
    failing.next = true
    return backendPid(db)
  })
  const second = await sharding.connectedTo('one', () => backendPid(db))
  expect(second).not.toBe(first)
  const view = await ServerView.open(url)
  expect((await view.sessions()).map(({ pid }) => pid)).toEqual([second])
})

test('L8: a connection whose backend was killed under its lease is destroyed, and who waits gets another', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const { db } = sharding
  const view = await ServerView.open(url)
  const takeNext = bindScope(() => sharding.connectedTo('one', () => backendPid(db)))
  let waiting: Promise<number> | undefined
  const first = await sharding.connectedTo('one', async () => {
    const pid = await backendPid(db)
    waiting = takeNext()
    await view.terminate(pid)
    await until(async () => (await errorOf(() => db.raw('select 1'))) instanceof ConnectionLostError)
    return pid
  })
  expect(await waiting).not.toBe(first)
})

test('L8: an open transaction whose rollback takes too long costs the connection, not the next borrower', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const { db } = sharding
  const view = await ServerView.open(url)
  let stray: Promise<unknown> | undefined
  const first = await sharding.connectedTo('one', async () => {
    const pid = await backendPid(db)
    await sharding.withRawConnection(async (connection: { query(sql: string, done: () => void): void }) => {
      // By callback, so that nobody knows of it: the connection comes back busy.
      stray = new Promise<void>((resolve) => connection.query('select pg_sleep(60)', () => resolve()))
    })
    await until(() => view.running('pg_sleep'))
    return pid
  })
  const since = performance.now()
  expect(await sharding.connectedTo('one', () => backendPid(db))).not.toBe(first)
  expect(performance.now() - since).toBeLessThan(10 * 250)
  await stray
})

test('L8: scrub never leaves settings, and still no open transaction', async () => {
  const sharding = openSharding({ one: { connection: url, scrub: 'never', pool: { max: 1 } } })
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.raw("set app.tenant = 'acme'")
    await db.raw('begin')
    await db('items').insert({ id: 1 })
  })
  await sharding.connectedTo('one', async () => {
    expect(await db('items')).toEqual([])
    const { rows } = await db.raw("select current_setting('app.tenant') as tenant")
    expect(rows).toEqual([{ tenant: 'acme' }])
  })
})

test('L8: a connection counts as lent until its scrub has succeeded', async () => {
  const scrubbing = deferred()
  let runs = 0
  const sharding = openSharding({
    one: {
      connection: url,
      pool: { max: 1 },
      afterCreate: () => (++runs === 2 ? scrubbing.promise : Promise.resolve()),
    },
  })
  const stats = () => sharding.stats().shards['one']?.writing
  await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
  await until(() => runs === 2)
  expect(stats()).toMatchObject({ active: 1, idle: 0 })
  let isServed = false
  const next = sharding.connectedTo('one', () => {
    isServed = true
  })
  await new Promise(setImmediate)
  expect([isServed, stats()?.waiting]).toEqual([false, 1])
  scrubbing.resolve()
  await next
})

test('L8: an idle connection whose backend was killed is not lent', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const { db } = sharding
  const view = await ServerView.open(url)
  const first = await sharding.connectedTo('one', () => backendPid(db))
  await until(() => sharding.stats().shards['one']?.writing.idle === 1)
  await view.terminate(first)
  await until(() => sharding.stats().shards['one']?.writing.total === 0)
  expect(await sharding.connectedTo('one', () => backendPid(db))).not.toBe(first)
})
