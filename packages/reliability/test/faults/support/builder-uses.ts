import fc from 'fast-check'
import type { Knex } from 'knex'

/** Tables and what looks like them, harmless ones and others, with functions behind them that change the session. */
export const TRAPS = [
  `create function soil(key text) returns int language plpgsql as $$ begin
     perform set_config('app.' || key, 'acme', false); return 1; end $$`,
  `create function soil_row() returns trigger language plpgsql as $$ begin
     perform soil('tenant'); perform pg_try_advisory_lock(4); return coalesce(new, old); end $$`,
  "create function secret(items) returns int language sql as $$ select soil('user') $$",
  'create table plain (id int, a text)',
  'create table numbered (id serial, a text)',
  'create table watched (id int, a text)',
  "insert into items values (1); insert into plain values (1, 'a'); insert into watched values (1, 'a')",
  'create trigger g after insert or update or delete on watched for each row execute function soil_row()',
  'create table late (id int, a text)',
  `create constraint trigger g after insert on late deferrable initially deferred
     for each row execute function soil_row()`,
  "create table defaulted (id int default soil('tenant'), a text)",
  "create view viewed as select soil('tenant') as id, 'x'::text as a",
  'create table ruled (id int, a text)',
  "create rule r as on insert to ruled do also select soil('user')",
  "create table checked (id int check (soil('tenant') > 0), a text)",
]

const RELATIONS = ['plain', 'numbered', 'watched', 'late', 'defaulted', 'viewed', 'ruled', 'checked'] as const
const ACTIONS = [
  'select',
  'join',
  'subquery',
  'insert',
  'upsert',
  'update',
  'delete',
  'lock',
  'stream',
] as const

/** Fragments that do nothing, and fragments that leave something behind. */
const FRAGMENTS = [
  '1 = 1',
  'lower(a) is not null',
  'id in (select id from plain)',
  'id in (select id from viewed)',
  "set_config('app.user', 'x', false) is not null",
  "set_config ( 'work_mem' , '64' , false ) is not null",
  'pg_try_advisory_lock(7)',
  "nextval('numbers') > 0",
  "soil('tenant') = 1",
  "/* '*/ pg_try_advisory_lock(8)",
  'exists (select from items where items.secret = 1)',
  'true; set app.tenant to 1',
] as const

const use = fc.record({
  relation: fc.constantFrom(...RELATIONS),
  action: fc.constantFrom(...ACTIONS),
  fragment: fc.option(fc.constantFrom(...FRAGMENTS), { freq: 2 }),
  way: fc.constantFrom('alone', 'committed', 'rolled back', 'in a savepoint'),
})

export type BuilderUse = typeof use extends fc.Arbitrary<infer U> ? U : never

/** What a lease may ask of knex's builder, one after the other. */
export const anyUses = fc.array(use, { minLength: 1, maxLength: 4 })

/** Settles however it ends: what is refused may have changed something all the same. */
export async function run(db: Knex, { way, ...query }: BuilderUse): Promise<void> {
  const ask = async (on: Knex | Knex.Transaction) => {
    if (query.action !== 'stream') return void (await build(on, query))
    for await (const _ of build(on, query).stream());
  }
  const asked =
    way === 'alone'
      ? ask(db)
      : db.transaction(async (trx) => {
          await (way === 'in a savepoint' ? trx.transaction(ask) : ask(trx))
          if (way === 'rolled back') throw new Error('rolled back')
        })
  await asked.catch(() => {})
}

function build(
  db: Knex,
  { relation, action, fragment }: Pick<BuilderUse, 'relation' | 'action' | 'fragment'>,
): Knex.QueryBuilder {
  const query = db(relation)
  switch (action) {
    case 'select':
    case 'stream':
      return only(query.select('id', 'a').whereIn('id', [1, 2]).orderBy('id').limit(3), fragment)
    case 'join':
      return only(db('plain as p').join(`${relation} as q`, 'p.id', 'q.id').count('* as n'), null)
    case 'subquery':
      return db('items').whereIn('id', only(query.select('id'), fragment))
    case 'lock':
      return only(query.forUpdate(), fragment)
    case 'insert':
      return query.insert([{ a: 'b' }, { a: 'c' }]).returning('a')
    case 'upsert':
      return query.insert({ id: 2, a: 'b' }).onConflict('id').merge()
    case 'update':
      return only(query.update({ a: 'd' }), fragment)
    case 'delete':
      return only(query.where('id', '<', 0).del(), fragment)
  }
}

function only(query: Knex.QueryBuilder, fragment: string | null): Knex.QueryBuilder {
  return fragment === null ? query : query.whereRaw(fragment)
}
