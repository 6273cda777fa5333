import knex, { type Knex } from 'knex'
import { describe, expect, test } from 'vitest'
import { statementShape } from '../../../src/pool/postgres/proof/statement-shape.ts'

const db = knex({ client: 'pg' })
const sent = (query: Knex.QueryBuilder) => query.toSQL().toNative().sql

/** `read items, write users` */
const told = (sql: string) =>
  statementShape(sql)
    ?.relations.map(({ name, access }) => `${access} ${name.replaceAll('"', '')}`)
    .join(', ')

describe('is proven, by the relations it leads to', () => {
  const proven: Record<string, [query: Knex.QueryBuilder, relations: string]> = {
    'a SELECT with conditions': [
      db('t')
        .select('id', 't.a as b')
        .where({ x: 1 })
        .whereIn('y', [1, 2])
        .orWhereNull('z')
        .orderBy('id')
        .limit(3),
      'read t',
    ],
    'its first row': [db('t').where('a', '>=', 1).first(), 'read t'],
    'a subquery in each place': [
      db
        .from(db('a').as('q'))
        .select(db('b').count().as('n'))
        .whereIn('id', db('c').select('x'))
        .whereExists(db('d')),
      'read b, read a, read c, read d',
    ],
    joins: [
      db('a')
        .join('s.b', 'a.id', 's.b.id')
        .leftJoin('c', (on) => on.on('x', 'y').andOnIn('z', [1, 2]))
        .crossJoin(db.raw('??', 'd')),
      'read a, read s.b, read c, read d',
    ],
    'a lateral list of tables': [db.from({ x: 'a', y: 'b' } as never), 'read a, read b'],
    'groups and aggregates': [
      db('t').select('a').count('* as n').sum('b').countDistinct('c').groupBy('a').having('a', '>', 1),
      'read t',
    ],
    windows: [db('t').rowNumber('n', (over) => over.orderBy('a').partitionBy('b')), 'read t'],
    'DISTINCT ON': [db('t').distinctOn('a', 'b').orderBy('a', 'desc', 'last'), 'read t'],
    UNION: [db('a').union(db('b').select('x')).unionAll(db('c')), 'read a, read b, read c'],
    'locks on rows': [db('t').forUpdate().skipLocked(), 'read t'],
    'FOR NO KEY UPDATE OF': [db('t').forNoKeyUpdate('t').noWait(), 'read t'],
    'a reference': [db('t').select(db.ref('u.a').withSchema('s')), 'read t'],
    'ILIKE, BETWEEN and NOT': [
      db('t').whereILike('a', 'x').whereNotBetween('b', [1, 2]).whereNot('c', 1),
      'read t',
    ],
    'an INSERT of rows': [
      db('t')
        .insert([{ a: 1 }, { b: 2 }])
        .returning('*'),
      'insert t',
    ],
    'an INSERT of defaults': [db('t').insert({}), 'insert t'],
    'an INSERT of a query': [db('t').insert(db('u').select('a')), 'insert t, read u'],
    'an upsert': [db('t').insert({ a: 1, b: 2 }).onConflict('a').merge(['b']), 'insert t'],
    'an INSERT that may do nothing': [db('t').insert({ a: 1 }).onConflict(['a', 'b']).ignore(), 'insert t'],
    'an UPDATE': [db('t').where('id', 1).update({ a: 2, b: null }), 'write t'],
    'an increment': [db('t').where('id', 1).increment('n', 1), 'write t'],
    'an UPDATE with another table': [
      db('t').update({ b: 1 }).updateFrom('u').where('t.a', db.ref('u.a')),
      'write t, read u',
    ],
    'an UPDATE by a query': [db('t').update({ a: db('u').max('b') }), 'write t, read u'],
    'a DELETE': [db('t').where('id', 1).del().returning('id'), 'write t'],
    'a DELETE with another table': [
      db('t').using(['u']).where('t.a', db.ref('u.a')).del(),
      'write t, read u',
    ],
    'the time and an id, made by the server': [
      db('t').insert({ a: db.fn.now(), b: db.fn.uuid() }),
      'insert t',
    ],
    'a name with quotes': [db('a"b').select('c"; set x to 1; --'), 'read ab'],
  }
  for (const [what, [query, relations]] of Object.entries(proven)) {
    test(what, () => {
      expect(told(sent(query)), sent(query)).toBe(relations)
    })
  }
})

test('an UPDATE to a default leads to defaults, as an INSERT does', () => {
  expect(told('update "t" set "a" = default')).toBe('insert t')
})

test('every name and every function that is called is told, whatever it stands for', () => {
  const shape = statementShape('select "t"."f", lower("g""h") from "s"."t" where "x" in ($1)')
  expect([...(shape?.names ?? [])]).toEqual(['t', 'f', 'lower', 'g"h', 's', 'x', 'in'])
})

describe('is not proven', () => {
  const refused: Record<string, string> = {
    'an empty statement': ' ',
    'another statement': 'set "a" = 1',
    'two statements': 'select 1; select 2',
    'a statement behind a semicolon': 'select "a" from "t";',
    'a text': `select "a" from "t" where "b" = 'x'`,
    'a dollar-quoted text': 'select $$x$$',
    'an escaped identifier': 'select U&"a" from "t"',
    'a comment to the end of the line': 'select "a" from "t" -- x',
    'a comment that the parser of operators would miss': 'select "a"--"b"\nfrom "t"',
    'a comment': 'select /* x */ "a" from "t"',
    'a hint': 'select /*+ x */ "a" from "t"',
    'a cast': 'select "a"::regclass from "t"',
    'a cast by name': 'select cast("a" as text) from "t"',
    'a function that is none of the pure ones': 'select set_config($1, $2, false)',
    'a function of which only the beginning is pure': 'select count_all("a") from "t"',
    'a function with its schema': 'select pg_catalog.lower("a") from "t"',
    'a function with a quoted name': 'select "lower"("a") from "t"',
    'a function with a quoted name and space': 'select "set_config" ($1, $2, $3)',
    'a function with quoted schema': 'select "pg_catalog"."set_config"($1, $2, $3)',
    'a function of a row in parentheses': 'select ("t")."f" from "t"',
    'a function instead of a relation': 'select "a" from set_config($1, $2, $3)',
    'a quoted function instead of a relation': 'select "a" from "set_config"($1, $2, $3)',
    'a function in a join': 'select "a" from "t" inner join "f"($1) on true',
    'a function behind LATERAL': 'select "a" from "t", lateral "f"("t"."a")',
    'ROWS FROM': 'select "a" from rows from ("f"($1))',
    'a relation without quotes': 'select "a" from pg_settings',
    'a relation of another database': 'select "a" from "x"."y"."z"',
    'a column without quotes': 'select a from "t"',
    'a keyword that can be a value': 'select current_user',
    'an unknown operator': 'select "a" @@ "b" from "t"',
    'two operators that are one': 'select "a" =- "b" from "t"',
    'an operator by name': 'select "a" operator("s".=) "b" from "t"',
    'a collation': 'select "a" collate "x" from "t"',
    'SELECT INTO': 'select "a" into "u" from "t"',
    'SELECT INTO behind an alias': 'select "a" insert into "u" from "t"',
    TABLE: 'table "t"',
    'VALUES alone': 'values ($1)',
    'a WITH query': 'with "x" as (select "a" from "t") select "a" from "x"',
    'a WITH query that writes': 'with "x" as (delete from "t" returning "a") select "a" from "x"',
    'a parenthesised join': 'select "a" from ("t" cross join "u")',
    'a list of column aliases': 'select "x" from "t" as "y" ("x")',
    TABLESAMPLE: 'select "a" from "t" tablesample system (1)',
    'a DELETE further on': 'select "a" from "t" delete from "u"',
    'an UPDATE further on': 'select "a" from "t" update "u"',
    'a name that PostgreSQL would cut': `select "${'a'.repeat(64)}" from "t"`,
    'a name of many bytes that PostgreSQL would cut': `select "${'ä'.repeat(32)}" from "t"`,
    'a space that is a letter to PostgreSQL': 'select\u00a0"a" from "t"',
    'a placeholder that goes on': 'select $1a from "t"',
    'a word that goes on in a placeholder': 'select "a" from "t" where true or$1',
    'a letter beyond ASCII': 'select é from "t"',
    'a parenthesis that is not closed': 'select ("a" from "t"',
    'a parenthesis that was not opened': 'select "a") from "t"',
    'a relation that is missing': 'select "a" from',
    'a bare FROM in a call': 'select trim(both from "a") from "t"',
    PREPARE: 'prepare "x" as select 1',
    EXECUTE: 'execute "x"',
    DECLARE: 'declare "x" cursor for select 1',
    LISTEN: 'listen "x"',
    COPY: 'copy "t" from stdin',
    CALL: 'call "p"()',
    DO: 'do $1',
    LOCK: 'lock table "t"',
    MERGE: 'merge into "t" using "u" on true when matched then delete',
    EXPLAIN: 'explain analyze select 1',
    'CREATE TABLE AS': 'create table "x" as select 1',
  }
  for (const [what, sql] of Object.entries(refused)) {
    test(what, () => {
      expect(statementShape(sql)).toBeUndefined()
    })
  }
})

test('a keyword that can be an alias hides no relation behind it', () => {
  for (const alias of [
    'set',
    'values',
    'key',
    'share',
    'first',
    'last',
    'by',
    'over',
    'conflict',
    'nothing',
  ]) {
    expect(told(`select "a" from "t" ${alias}, "v"`), alias).toBe('read t, read v')
  }
})
