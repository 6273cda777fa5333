import { PURE_FUNCTIONS, TRUSTED_EXTENSIONS, UNTRUSTED_FUNCTIONS } from './pure-functions.ts'

/** One relation that holds rows: what of it alone is harmless, before what it leads to is looked at. */
export interface TableRow {
  readonly oid: number
  /** As knex's builder names it, with its schema: `"app"."users"`. */
  readonly name: string
  /** Without its schema: `"users"`. Null where the session's search path leads that name elsewhere. */
  readonly alias: string | null
  /** Reading runs no code of the users': ordinary storage and types, no policy or rule, no expression with a function. */
  readonly isReadable: boolean
  /** Writing fires no trigger of the users'. */
  readonly isQuiet: boolean
  /** No default leads to anything but pure functions: not to a sequence, whose last value is session state. */
  readonly hasPureDefaults: boolean
}

/** That one table refers to another; `actions` has what PostgreSQL does to the rows that refer when a row goes or changes. */
export interface ReferenceRow {
  readonly from: number
  readonly to: number
  /** `confdeltype` and `confupdtype` (https://www.postgresql.org/docs/current/catalog-pg-constraint.html). */
  readonly actions: string
}

/** What {@link CATALOGUE_QUERY} answers. */
export interface CatalogueRow {
  /** False where something of the users' can be run by any statement: an operator, a cast, a type; or the server is unknown. */
  readonly isOrdinary: boolean
  readonly tables: readonly TableRow[]
  readonly parts: readonly { readonly of: number; readonly oid: number }[]
  readonly references: readonly ReferenceRow[]
  /** Of the users' functions and domains: PostgreSQL takes `"t"."f"` for a call of `f` where `t` has no such column. */
  readonly functions: readonly string[]
}

const inList = (words: readonly string[]) => words.map((word) => `'${word}'`).join(', ')

/** From here on objects are the users' (`FirstNormalObjectId` of PostgreSQL's access/transam.h). */
const FIRST = 16384

const isTrusted = (catalogue: string, oid: string) =>
  `exists (select from trusted t where t.classid = 'pg_catalog.${catalogue}'::regclass and t.objid = ${oid})`

const untrusted = (catalogue: string, condition = 'true') =>
  `not exists (select from pg_catalog.${catalogue} x
     where x.oid >= ${FIRST} and (${condition}) and not ${isTrusted(catalogue, 'x.oid')})`

/**
 * All that a plain statement can lead to, in the session that asks: what a name means depends on its search path and its
 * temporary tables.
 *
 * An expression (a default, a check, an index's, …) is looked at as the tree that PostgreSQL has parsed it to, in which
 * each call has its function's oid. Operators have none to look at: a database in which there is one of the users' is not
 * ordinary.
 */
export const CATALOGUE_QUERY = `
with trusted as (
  select d.classid, d.objid
  from pg_catalog.pg_depend d
  join pg_catalog.pg_extension e on e.oid = d.refobjid
  where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'e'
    and e.extname in (${inList(TRUSTED_EXTENSIONS)})
),
trusted_function as (
  select p.oid
  from pg_catalog.pg_proc p
  join pg_catalog.pg_language l on l.oid = p.prolang
  where p.oid >= ${FIRST} and l.lanname in ('c', 'internal') and ${isTrusted('pg_proc', 'p.oid')}
    and p.proname not in (${inList(UNTRUSTED_FUNCTIONS)})
),
pure_function as (
  select oid from pg_catalog.pg_proc where oid < ${FIRST} and proname in (${inList(PURE_FUNCTIONS)})
  union all
  select castfunc from pg_catalog.pg_cast where oid < ${FIRST}
  union all
  select oid from trusted_function
),
plain_type as (
  select oid
  from pg_catalog.pg_type x
  where (oid < ${FIRST} and typtype in ('b', 'r', 'm')) or typtype = 'e'
    or (typtype = 'b' and ${isTrusted('pg_type', 'x.oid')})
),
column_type as (
  select oid from plain_type
  union all
  select a.oid from pg_catalog.pg_type a join plain_type e on e.oid = a.typelem where a.typcategory = 'A'
),
expression (owner, is_default, tree) as (
  select d.adrelid, a.attgenerated = '', d.adbin::text
  from pg_catalog.pg_attrdef d
  join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
  union all
  select conrelid, false, conbin::text from pg_catalog.pg_constraint where conbin is not null
  union all
  select indrelid, false, indexprs::text from pg_catalog.pg_index where indexprs is not null
  union all
  select indrelid, false, indpred::text from pg_catalog.pg_index where indpred is not null
  union all
  select stxrelid, false, stxexprs::text from pg_catalog.pg_statistic_ext where stxexprs is not null
  union all
  select partrelid, false, partexprs::text from pg_catalog.pg_partitioned_table where partexprs is not null
),
impure as (
  select distinct owner, is_default
  from expression
  where owner >= ${FIRST} and (
    tree ~ '{COERCETODOMAIN'
    or exists (
      select from pg_catalog.regexp_matches(tree, ':(?:funcid|aggfnoid|winfnoid) ([0-9]+)', 'g') as call
      where call[1]::oid not in (select oid from pure_function)
    )
  )
),
stored as (
  select c.oid, c.relname, n.nspname,
    c.relkind in ('r', 'p') and c.relpersistence in ('p', 'u') and not c.relrowsecurity
      and (c.relam = 0 or c.relam = (select oid from pg_catalog.pg_am where amname = 'heap'))
      and not exists (select from pg_catalog.pg_rewrite r where r.ev_class = c.oid)
      and not exists (select from impure i where i.owner = c.oid and not i.is_default)
      and not exists (
        select from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          and a.atttypid not in (select oid from column_type)
      ) as is_readable,
    not exists (
      select from pg_catalog.pg_trigger g
      join pg_catalog.pg_proc p on p.oid = g.tgfoid
      where g.tgrelid = c.oid
        and not (p.oid < ${FIRST} and (p.proname like 'RI\\_FKey\\_%' or p.proname = 'unique_key_recheck'))
    ) as is_quiet,
    not exists (select from impure i where i.owner = c.oid and i.is_default)
      and not exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attidentity <> '')
      as has_pure_defaults
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid >= ${FIRST} and c.relkind in ('r', 'p')
),
search_path as (select pg_catalog.current_schemas(true)::text[] as schemas)
select
  pg_catalog.version() ~ '^PostgreSQL [0-9]+([.][0-9]+|beta[0-9]+|rc[0-9]+|devel)? '
    and pg_catalog.current_setting('server_version_num')::int between 140000 and 189999
    and schemas[case when schemas[1] like 'pg\\_temp\\_%' then 2 else 1 end] = 'pg_catalog'
    and ${untrusted('pg_operator')}
    and ${untrusted('pg_cast')}
    and ${untrusted('pg_am')}
    and ${untrusted('pg_conversion')}
    and ${untrusted('pg_type', "x.typtype in ('b', 'r', 'm') and x.typcategory <> 'A'")}
    and not exists (
      select from pg_catalog.pg_amproc a
      where a.amproc >= ${FIRST} and a.amproc not in (select oid from trusted_function)
    ) as "isOrdinary",
  (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
      'oid', oid::bigint,
      'name', pg_catalog.concat('"', replace(nspname, '"', '""'), '"."', replace(relname, '"', '""'), '"'),
      'alias', case when pg_catalog.pg_table_is_visible(oid)
        then pg_catalog.concat('"', replace(relname, '"', '""'), '"') end,
      'isReadable', is_readable,
      'isQuiet', is_quiet,
      'hasPureDefaults', has_pure_defaults
    )), '[]') from stored) as tables,
  (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
      'of', inhparent::bigint, 'oid', inhrelid::bigint
    )), '[]') from pg_catalog.pg_inherits) as parts,
  (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
      'from', conrelid::bigint, 'to', confrelid::bigint, 'actions', confdeltype::text || confupdtype::text
    )), '[]') from pg_catalog.pg_constraint where contype = 'f') as "references",
  (select coalesce(pg_catalog.json_agg(name), '[]') from (
    select proname as name from pg_catalog.pg_proc
      where oid >= ${FIRST} and oid not in (select oid from trusted_function)
    union
    select typname from pg_catalog.pg_type where oid >= ${FIRST} and typtype = 'd'
  ) as named) as functions
from search_path
`
