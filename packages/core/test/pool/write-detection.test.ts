import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mayWrite } from '../../src/pool/write-detection.ts'

const READS = [
  'select 1',
  '  SELECT * from t ;  ',
  'select update_time, deleted, inserted_into from t',
  'select * from updates where deletes > 0',
  '(select 1) union (select 2)',
  '((select 1))',
  'values (1), (2)',
  'table t',
  'with a as (select 1) select * from a',
  'with recursive a as (select 1 union select 2) table a',
  'show search_path',
  'explain select 1',
  'explain (analyze, verbose) select * from t',
  'explain analyze select * from t',
  'describe t',
  'pragma table_info(`t`)',
  'set local statement_timeout = 100',
  'reset all',
  'begin',
  'BEGIN;',
  'start transaction read only',
  'commit',
  'rollback to savepoint trx2',
  'savepoint trx2',
  'release trx2',
  'declare c cursor for select 1',
  'fetch forward 10 from c',
  'close c',
  'select 1; select 2',
  '',
  ' ; ; ',
  '-- nothing but a comment',
  "select nextval('s')",
]

const WRITES = [
  'insert into t values (1)',
  'INSERT INTO t SELECT 1',
  'update t set a = 1',
  'delete from t',
  'merge into t using s on true when matched then delete',
  'replace into t values (1)',
  'truncate t',
  'drop table t',
  'create table t (a int)',
  'alter table t add b int',
  'grant select on t to u',
  'copy t from stdin',
  'call p()',
  'do $$ begin perform 1; end $$',
  'execute prepared_insert',
  'prepare p as insert into t values (1)',
  'lock table t',
  'vacuum',
  'analyze t',
  'refresh materialized view v',
  "notify channel, 'x'",
  'listen channel',
  'import foreign schema s from server x into y',
  'with a as (insert into t values (1) returning *) select * from a',
  'with a as (update t set b = 1 returning *) select * from a',
  'with a as (delete from t returning *) select * from a',
  'with a as (delete from only t returning *) select * from a',
  'with a as (select 1) delete t from t join a on true',
  'with a as (merge into t using s on true when matched then do nothing returning *) select * from a',
  'select * into t2 from t',
  "select * from t into outfile '/tmp/x'",
  'select * from t for update',
  'select * from t for no key update',
  'select * from t for share',
  'select * from t FOR KEY SHARE skip locked',
  'select * from t lock in share mode',
  'explain analyze insert into t values (1)',
  'explain (analyze) update t set a = 1',
  'explain analyze delete from t',
  'explain analyze create table t2 as select 1',
  'explain (verbose, analyze) execute prepared_insert',
  'declare c cursor for select * from t for update',
  'pragma user_version = 3',
  'select 1; drop table t',
  'begin; insert into t values (1); commit',
  ';;; delete from t',
  'unheard of',
  '1',
]

/** A literal must not hide what stands beside it, whatever database reads it. */
const WRITES_BESIDE_LITERALS = [
  "select 'a'; drop table t; select 'b'",
  "select 'it''s'; drop table t; select ''''",
  "select '\\'; drop table t; --'",
  "select E'\\''; drop table t; select E'\\''",
  "select e'\\\\'; drop table t; select 'x'",
  "select E'\\'', '\\' ; drop table t; select E'\\'', '\\'",
  "select '\\''; drop table t; select '\\''",
  'select "a"; drop table t; select "b"',
  'select `a`; drop table t; select `b`',
  "select $$'$$; drop table t; select $$'$$",
  "select $a$ ' $a$; drop table t; select $a$ ' $a$",
  "select $t1$ ' $t1$; drop table t; select ' '",
  "select $größe$ ' $größe$; drop table t; select ' '",
  'select a$$ from t; drop table t; select b$$ from t',
  'select $1; drop table t; select $1',
  "-- it's\ndrop table t -- isn't",
  "/* it's */ drop table t /* isn't */",
  '/* a */ drop table t /* b */',
  '/* /* */ select 1 */ drop table t',
  "select 1 /* /* */ ' */; drop table t --'",
  '/*! drop table t */',
  '/*M! drop table t */ select 1',
  'select 1 /*!50000 into outfile "x" */',
  'delete/* */from t',
  'delete--\nfrom t',
  "select 'unterminated; drop table t",
  'select 1 /* unterminated; drop table t',
]

const READS_BESIDE_LITERALS = [
  "select 'insert into t'",
  "select 'it''s; drop table t'",
  "select ' -- ' , 'delete from t'",
  "select E'\\'; drop table t'",
  'select "delete from t" from "update"',
  'select `update` from `delete`',
  'select $$ insert into t $$',
  'select $fn$ drop table t; $fn$',
  "select $a$ $b$ ' $a$",
  'select 1 -- insert into t',
  'select 1 /* delete from t; drop table t */',
  '/* leading */ select 1',
  '-- leading\nselect 1',
  "select U&'\\0441'",
  "select '\\d+' ~ 'x'",
]

describe('S8: statements that may write', () => {
  test.each(READS)('%s: reads', (sql) => {
    expect(mayWrite(sql)).toBe(false)
  })

  test.each(READS_BESIDE_LITERALS)('%s: reads, whatever its literals say', (sql) => {
    expect(mayWrite(sql)).toBe(false)
  })

  test.each(WRITES)('%s: may write', (sql) => {
    expect(mayWrite(sql)).toBe(true)
  })

  test.each(WRITES_BESIDE_LITERALS)('%s: may write, and no literal hides it', (sql) => {
    expect(mayWrite(sql)).toBe(true)
  })
})

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom(
    'insert into t',
    "; drop table t; select 'x",
    '-- ',
    '/* ',
    ' */',
    '$$',
    '$a$',
    '"',
    "'",
    '`',
    "''",
    'for update',
  ),
)

/** Something in which words have no meaning, under PostgreSQL's rules. */
const literal = fc.oneof(
  text.map((inside) => `'${inside.replaceAll("'", "''").replaceAll('\\', '/')}'`),
  text.map((inside) => `E'${inside.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`),
  text.map((inside) => `"${inside.replaceAll('"', '""').replaceAll('\\', '/')}"`),
  text.map((inside) => `$q1$${inside.replaceAll('$', '')}$q1$`),
  text.map((inside) => `-- ${inside.replaceAll(/[\r\n\\]/g, '')}\n1`),
  text.map((inside) => `/* ${inside.replaceAll(/[*/\\]/g, '')} */ 1`),
)

test('S8: literals never change the verdict', () => {
  fc.assert(
    fc.property(fc.array(literal, { minLength: 1, maxLength: 4 }), fc.boolean(), (literals, writes) => {
      const list = literals.join(', ')
      const sql = writes ? `select ${list}; delete from t where a in (${list})` : `select ${list} from t`
      expect(mayWrite(sql)).toBe(writes)
    }),
    { numRuns: 3000 },
  )
})

test('any text is judged, and in linear time', () => {
  fc.assert(
    fc.property(fc.string(), (sql) => {
      expect(typeof mayWrite(sql)).toBe('boolean')
    }),
  )
  for (const piece of ["'", '"', '/*', '/* ', '*/', '$a$', '--', "'\\", '\\', '$', '(', ' ', "''", "E'"]) {
    const start = performance.now()
    mayWrite(`select ${piece.repeat(20_000)}`)
    expect(performance.now() - start).toBeLessThan(2000)
  }
})
