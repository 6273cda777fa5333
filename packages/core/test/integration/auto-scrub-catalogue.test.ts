import { createDatabase } from '@sherd/local-servers/test-database'
import type { Knex } from 'knex'
import { expect, test } from 'vitest'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'

/** Functions that change the session, as one of the users' may do without meaning harm. */
const SOIL = [
  `create function soil() returns text language plpgsql as $$
     begin perform set_config('app.tenant', 'acme', false); return 'x'; end $$`,
  `create function soil(anyelement) returns boolean language plpgsql immutable as $$
     begin perform set_config('app.tenant', 'acme', false); return true; end $$`,
  `create function soil_row() returns trigger language plpgsql as $$
     begin perform set_config('app.tenant', 'acme', false); return coalesce(new, old); end $$`,
]

interface Trap {
  readonly schema: readonly string[]
  readonly rows?: readonly string[]
  /** A statement of knex's builder that steps into it. */
  readonly step: (db: Knex) => PromiseLike<unknown>
  /** Nothing in the database is harmless beside it, not even a plain table. */
  readonly isEverywhere?: true
  readonly session?: Readonly<Record<string, string>>
}

const T = 'create table t (id int primary key, a text)'
const ROW = "insert into t values (1, 'a')"
const insert = (db: Knex) => db('t').insert({ id: 2, a: 'b' })
const select = (db: Knex) => db('t').select('id')
const remove = (db: Knex) => db('t').where({ id: 1 }).del()

const traps: Record<string, Trap> = {
  'a trigger': {
    schema: [T, 'create trigger g after insert on t for each row execute function soil_row()'],
    step: insert,
  },
  'a trigger before a statement': {
    schema: [T, 'create trigger g before delete on t for each statement execute function soil_row()'],
    step: remove,
  },
  'a constraint trigger that waits for COMMIT': {
    schema: [
      T,
      `create constraint trigger g after insert on t deferrable initially deferred
         for each row execute function soil_row()`,
    ],
    step: (db) => db.transaction((trx) => insert(trx)),
  },
  'a trigger of a partition': {
    schema: [
      'create table t (id int, a text) partition by range (id)',
      'create table t_1 partition of t for values from (0) to (10)',
      'create trigger g after insert on t_1 for each row execute function soil_row()',
    ],
    step: insert,
  },
  'a trigger of a partitioned table, by way of its partition': {
    schema: [
      'create table all_t (id int, a text) partition by range (id)',
      'create table t partition of all_t for values from (0) to (10)',
      'create trigger g after insert on all_t for each row execute function soil_row()',
    ],
    step: insert,
  },
  'a trigger of a table that inherits': {
    schema: [
      T,
      'create table child () inherits (t)',
      'create trigger g before update on child for each row execute function soil_row()',
    ],
    rows: ["insert into child values (1, 'a')"],
    step: (db) => db('t').where({ id: 1 }).update({ a: 'b' }),
  },
  'a trigger of a table from which rows go with those of another': {
    schema: [
      T,
      'create table u (id int, t int references t on delete cascade)',
      'create table v (u int, t int references t on delete set null)',
      'create trigger g after update on v for each row execute function soil_row()',
    ],
    rows: [ROW, 'insert into v values (1, 1)'],
    step: remove,
  },
  'a trigger at the end of a chain of foreign keys': {
    schema: [
      T,
      'create table u (id int primary key references t on delete cascade)',
      'create table v (id int references u on delete cascade)',
      'create trigger g after delete on v for each row execute function soil_row()',
    ],
    rows: [ROW, 'insert into u values (1)', 'insert into v values (1)'],
    step: remove,
  },
  'the default of a foreign key': {
    schema: [
      T,
      "create table u (id int, t int default (case soil() when 'x' then null::int end) references t on delete set default)",
    ],
    rows: [ROW, 'insert into u values (1, 1)'],
    step: remove,
  },
  'a rule': { schema: [T, 'create rule r as on insert to t do also select soil()'], step: insert },
  'a view': { schema: ['create view t as select 1 as id, soil() as a'], step: (db) => db('t').select('a') },
  'a view with a built-in function': {
    schema: ["create view t as select set_config('app.tenant', 'acme', false) as a"],
    step: (db) => db('t').select('a'),
  },
  'a view in a subquery': {
    schema: ['create view v as select 1 as id, soil() as a', T],
    rows: [ROW],
    step: (db) => db('t').whereIn('a', db('v').select('a')),
  },
  'the view over the settings': {
    schema: [],
    step: (db) => db('pg_settings').where({ name: 'work_mem' }).update({ setting: '64' }),
  },
  'a default': {
    schema: ['create table t (id int, a text default soil())'],
    step: (db) => db('t').insert({ id: 1 }),
  },
  'a default with a built-in function': {
    schema: ["create table t (id int, a text default set_config('app.tenant', 'acme', false))"],
    step: (db) => db('t').insert({ id: 1 }),
  },
  'a default that an UPDATE names': {
    schema: ['create table t (id int, a text default soil())'],
    rows: ['insert into t values (1)'],
    step: (db) => db('t').update({ a: db.raw('default') }),
  },
  'a default of a column that is added in the list of an INSERT of many rows': {
    schema: ['create table t (id int, a text default soil())'],
    step: (db) => db('t').insert([{ id: 1 }, { id: 2, a: 'b' }]),
  },
  'a generated column': {
    schema: ['create table t (id int, b boolean generated always as (soil(id)) stored)'],
    step: (db) => db('t').insert({ id: 1 }),
  },
  'a check': { schema: ['create table t (id int, a text check (soil(a)))'], step: insert },
  'a check with a built-in function': {
    schema: ["create table t (id int, a text check (set_config('app.tenant', a, false) is not null))"],
    step: (db) => db('t').insert({ id: 1, a: 'acme' }),
  },
  'the check of a domain': {
    schema: ['create domain d as text check (soil(value))', 'create table t (id int, a d)'],
    step: insert,
  },
  'the check of a domain in an array': {
    schema: ['create domain d as text check (soil(value))', 'create table t (id int, a d[])'],
    step: (db) => db('t').insert({ id: 1, a: ['x'] }),
  },
  'an index of an expression': {
    schema: ['create table t (id int, a text)', 'create index on t (soil(a))'],
    step: insert,
  },
  'an index of some rows': {
    schema: ['create table t (id int, a text)', 'create index on t (id) where soil(a)'],
    step: insert,
  },
  'a policy': {
    schema: [
      T,
      'create policy p on t using (soil(id))',
      'alter table t enable row level security, force row level security',
      'create role ROLE',
      'grant all on t to ROLE',
    ],
    rows: [ROW],
    step: select,
    session: { role: 'ROLE' },
  },
  'a function that looks like a column': {
    schema: [
      T,
      "create function g(t) returns text language sql as $$ select set_config('app.tenant', 'acme', false) $$",
    ],
    rows: [ROW],
    step: (db) => db('t').select('t.g'),
  },
  'a function with the name of a pure one, for other types': {
    schema: [
      T,
      "create function lower(int) returns text language sql as $$ select set_config('app.tenant', 'acme', false) $$",
    ],
    rows: [ROW],
    step: (db) => db('t').select(db.raw('lower(??)', 'id')),
  },
  'an aggregate with the name of a pure one': {
    schema: [
      "create type mood as enum ('glad')",
      'create function add_soil(text, mood) returns text language plpgsql as $$ begin return soil(); end $$',
      'create aggregate max(mood) (sfunc = add_soil, stype = text)',
      'create table t (m mood)',
    ],
    rows: ["insert into t values ('glad')"],
    step: (db) => db('t').max('m'),
  },
  'a table in front of which a view is found': {
    schema: [T, 'create schema nearer', 'create view nearer.t as select 1 as id, soil() as a'],
    step: (db) => db('t').select('a'),
    session: { search_path: 'nearer, public' },
  },
  'a foreign table': {
    schema: [
      'create extension file_fdw',
      'create server s foreign data wrapper file_fdw',
      "create foreign table t (a text default soil()) server s options (program 'echo x')",
    ],
    step: (db) => db('t').join(db.raw('(select soil()) as s'), db.raw('true')),
  },
  'an operator': {
    schema: [
      "create type mood as enum ('glad')",
      'create table t (m mood)',
      'create function soil2(mood, mood) returns boolean language plpgsql as $$ begin return soil(1); end $$',
      'create operator = (leftarg = mood, rightarg = mood, procedure = soil2)',
    ],
    rows: ["insert into t values ('glad')"],
    step: (db) => db('t').where({ m: 'glad' }),
    isEverywhere: true,
  },
  'a cast': {
    schema: [
      'create table t (id int, a text)',
      'create function as_id(text) returns int language plpgsql as $$ begin perform soil(); return 1; end $$',
      'create cast (text as int) with function as_id(text) as implicit',
    ],
    rows: [ROW],
    step: (db) => db('t').where('id', db.ref('a')),
    isEverywhere: true,
  },
  'a cast that leads to a built-in function': {
    schema: [
      'create table t (id int8)',
      "create function as_key(t) returns int8 language sql as 'select 1::int8'",
      'create cast (t as int8) with function as_key(t) as implicit',
    ],
    rows: ['insert into t values (1)'],
    step: (db) => db('t').select('t.pg_try_advisory_lock'),
    isEverywhere: true,
  },
  'a search path that goes to others before PostgreSQL itself': {
    schema: [
      T,
      'create schema nearer',
      'create function nearer.texteq(text, text) returns boolean language plpgsql as $$ begin return public.soil(1); end $$',
      'create operator nearer.= (leftarg = text, rightarg = text, procedure = nearer.texteq)',
    ],
    rows: [ROW],
    step: (db) => db('t').where('a', db.ref('a')),
    session: { search_path: 'nearer, pg_catalog, public' },
    isEverywhere: true,
  },
}

/** Without operators on texts, which a trap may have put others in the place of. */
const LOOK = `
  select
    current_setting('app.tenant', true) as tenant,
    current_setting('work_mem') as memory,
    (select count(*)::int from pg_locks where locktype like 'advisory' and pid = pg_backend_pid()) as locks`

interface Found {
  readonly tenant: string | null
  readonly memory: string
  readonly locks: number
}

const isClean = ({ tenant, memory, locks }: Found) => !tenant && memory === '4MB' && locks === 0

/** So that a trap can be stepped into twice. */
const EMPTY = `do $$ declare t regclass; begin
  for t in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') loop
    execute format('truncate %s cascade', t);
  end loop;
end $$`

for (const [what, { schema, rows = [], step, session = {}, isEverywhere = false }] of Object.entries(traps)) {
  test(`fault 7: scrub: auto leaves nothing of ${what}`, async () => {
    const url = await createDatabase()
    const role = `${new URL(url).pathname.slice(1)}_role`
    const named = (text: string) => text.replaceAll('ROLE', role)
    const settings = Object.fromEntries(Object.entries(session).map(([name, value]) => [name, named(value)]))
    await runSql(
      url,
      'create table plain (id int)',
      'grant all on plain to public',
      ...SOIL,
      ...schema.map(named),
    )

    const meet = async (scrub: 'auto' | 'never') => {
      await runSql(url, EMPTY, ...rows)
      const sharding = openSharding({ one: { connection: url, scrub, session: settings, pool: { max: 1 } } })
      const { db, connectedTo } = sharding
      await connectedTo('one', async () => void (await step(db)))
      const clean = await connectedTo('one', async () => isClean((await db.raw(LOOK)).rows[0]))
      await connectedTo('one', async () => void (await db('plain')))
      return { clean, skipped: sharding.stats().shards['one']?.writing.scrubSkippedCount }
    }
    expect(await meet('never'), 'it is no trap').toMatchObject({ clean: false })
    expect(await meet('auto')).toEqual({ clean: true, skipped: isEverywhere ? 0 : 1 })
    if (Object.values(session).includes('ROLE'))
      await runSql(url, `drop owned by ${role}`, `drop role ${role}`)
  })
}
