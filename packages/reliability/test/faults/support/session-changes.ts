import fc from 'fast-check'

/** Everything of a session that a lease can change and the next borrower could see. */
export const SESSION = `
  select
    pg_backend_pid() as pid,
    current_user as role, session_user as login,
    (select json_object_agg(name, setting order by name) from pg_settings where source = 'session') as settings,
    (select json_object_agg(name, setting order by name) from pg_settings
      where name in ('search_path', 'statement_timeout', 'lock_timeout', 'work_mem', 'TimeZone', 'DateStyle',
        'default_transaction_isolation', 'default_transaction_read_only', 'row_security', 'client_encoding',
        'application_name', 'session_replication_role', 'idle_in_transaction_session_timeout')) as known,
    nullif(current_setting('app.tenant', true), '') as tenant,
    nullif(current_setting('app.user', true), '') as app_user,
    (select count(*)::int from pg_class where relpersistence = 't') as temporary,
    (select count(*)::int from pg_listening_channels()) as channels,
    (select count(*)::int from pg_prepared_statements where from_sql) as prepared,
    (select count(*)::int from pg_cursors where name <> '') as cursors,
    (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
    pg_current_xact_id_if_assigned()::text as transaction,
    (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'relation'
      and relation = 'items'::regclass) as table_locks
`

const name = fc.stringMatching(/^[a-z]{1,8}$/)
const quoted = fc.string({ maxLength: 8 }).map((text) => `'${text.replaceAll(/['\0\\]/g, '')}'`)
const number = fc.integer({ min: 0, max: 1_000_000 })

/** Settings and values that they accept. */
const setting = fc.oneof(
  fc.tuple(
    fc.constantFrom('statement_timeout', 'lock_timeout'),
    fc.integer({ min: 60_000, max: 9_000_000 }).map(String),
  ),
  fc.tuple(fc.constant('idle_in_transaction_session_timeout'), fc.constant("'1h'")),
  fc.tuple(fc.constant('work_mem'), fc.integer({ min: 64, max: 100_000 }).map(String)),
  fc.tuple(fc.constant('search_path'), fc.constantFrom("'other'", "'other, public'", "'pg_catalog'", "''")),
  fc.tuple(fc.constant('timezone'), fc.constantFrom("'Asia/Tokyo'", "'America/Lima'", "'+03'")),
  fc.tuple(fc.constant('datestyle'), fc.constantFrom("'German'", "'SQL, DMY'")),
  fc.tuple(fc.constant('row_security'), fc.constantFrom('off', 'on')),
  fc.tuple(fc.constant('default_transaction_read_only'), fc.constantFrom('on', 'off')),
  fc.tuple(
    fc.constant('default_transaction_isolation'),
    fc.constantFrom("'serializable'", "'repeatable read'"),
  ),
  fc.tuple(fc.constant('session_replication_role'), fc.constantFrom('replica', 'local')),
  fc.tuple(fc.constant('application_name'), quoted),
  fc.tuple(fc.constantFrom('app.tenant', 'app.user'), quoted),
)

const asText = (value: string) => (value.startsWith("'") ? value : `'${value}'`)

const change = (role: string) =>
  fc.oneof(
    setting.map(([key, value]) => `set ${key} to ${value}`),
    setting.map(([key, value]) => `set local ${key} to ${value}`),
    setting.map(([key, value]) => `select set_config('${key}', ${asText(value)}, false)`),
    setting.map(
      ([key, value]) => `with x as (select set_config('${key}', ${asText(value)}, false)) select * from x`,
    ),
    setting.map(
      ([key, value]) => `do $$ begin perform set_config('${key}', ${asText(value)}, false); end $$`,
    ),
    setting.map(([key, value]) => `do $$ begin set ${key} to ${value}; end $$`),
    fc.constantFrom(`set role ${role}`, `set session authorization ${role}`, 'reset role', 'reset all'),
    fc.constant('set session characteristics as transaction isolation level serializable, read only'),
    fc.constantFrom(
      'begin',
      'begin isolation level serializable',
      'savepoint a',
      'commit',
      'rollback',
      'select 1/0',
    ),
    name.map((table) => `create temp table tmp_${table} (n int)`),
    name.map((table) => `create temp table tmp_${table} on commit preserve rows as select 1 as n`),
    name.map((view) => `create temp view v_${view} as select 1 as n`),
    name.map((channel) => `listen c_${channel}`),
    name.map((statement) => `prepare p_${statement} as select 1`),
    name.map((cursor) => `declare cur_${cursor} cursor with hold for select generate_series(1, 10)`),
    number.map((key) => `select pg_advisory_lock(${key})`),
    number.map((key) => `select pg_advisory_lock_shared(${key})`),
    fc.tuple(number, number).map(([a, b]) => `select pg_try_advisory_lock(${a}, ${b})`),
    fc.constantFrom('lock table items in access exclusive mode', 'insert into items values (1)'),
    fc.constantFrom(`select nextval('numbers')`, `select setval('numbers', 7)`, 'discard plans'),
    fc.tuple(name, quoted).map(([key, value]) => `set app.${key} to ${value}; select 1`),
  )

/** What a lease may do to its session, one statement after the other. */
export const anyChanges = (role: string) => fc.array(change(role), { minLength: 1, maxLength: 6 })
