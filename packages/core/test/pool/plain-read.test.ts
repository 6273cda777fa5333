import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPlainRead } from '../../src/pool/plain-read.ts'

const PLAIN = [
  'select 1',
  'select "name", count(*) from "projects" where "id" in (?, ?) group by "name" having count("id") > ?',
  'with recent as (select * from "t") select * from recent',
  "select coalesce(max(n), 0)::numeric(10, 2) from t where name = 'insert into (x)'",
  'select * from (values (1), (2)) as v',
  'select row_number() over (partition by (a) order by b) from t',
  'select case when (a = 1) then (2) else (3) end from t',
  'select exists (select 1 from t) -- nextval()',
  'select `a`, concat(`b`, "c") from `t` where `a` = any (select (1))',
  'begin',
  'BEGIN;',
  'start transaction read only',
  'savepoint trx2',
  'rollback to savepoint trx2',
  'release trx2',
  'show search_path',
  'set local statement_timeout = 100',
]

const NOT = [
  'insert into t values (1)',
  'update t set a = 1',
  'delete from t',
  'with w as (delete from t returning *) select * from w',
  'select * from t for update',
  "select nextval('s')",
  'select my_function()',
  'select public.count(1)',
  'select public . count(1)',
  'select public./* a */count(1)',
  'select "public". count(1)',
  'select "my_function"(1)',
  'select "public"."count" (1)',
  'select `my_function`(1)',
  "select set_config('a', 'b', false)",
  'select pg_advisory_lock(1)',
  "select lo_import('x')",
  'select * from report(1) as r',
  'select 1; select do_it()',
  'call do_it()',
  'do $$ begin perform do_it(); end $$',
  'create table t ()',
  'commit',
  'select 1; COMMIT',
  'end',
  "prepare transaction 'x'",
  'copy t from stdin',
  'select größe()',
]

describe('a plain read', () => {
  test.each(PLAIN)('%s', (sql) => {
    expect(isPlainRead(sql)).toBe(true)
  })
  test.each(NOT)('not: %s', (sql) => {
    expect(isPlainRead(sql)).toBe(false)
  })

  test('is never a call of a function that nobody knows, however it is written', () => {
    const name = fc.stringMatching(/^(?:fn|_|x_)[a-z0-9_]{0,10}$/)
    const space = fc.constantFrom('', ' ', '\n', '\t', '/* a */', ' -- b\n')
    const quote = fc.constantFrom('', '"', '`')
    fc.assert(
      fc.property(name, quote, space, fc.constantFrom(...PLAIN), (fn, mark, gap, plain) => {
        expect(isPlainRead(`${plain}\n; select ${mark}${fn}${mark}${gap}(1)`)).toBe(false)
      }),
    )
  })
})
