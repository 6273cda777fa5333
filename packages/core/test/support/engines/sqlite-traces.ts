import type { SessionTraces } from './test-engine.ts'

const PRAGMAS = [
  'foreign_keys',
  'query_only',
  'recursive_triggers',
  'reverse_unordered_selects',
  'read_uncommitted',
  'synchronous',
  'locking_mode',
  'busy_timeout',
  'cache_spill',
  'mmap_size',
  'secure_delete',
  'trusted_schema',
  'ignore_check_constraints',
  'legacy_alter_table',
  'temp_store',
  'wal_autocheckpoint',
  'writable_schema',
]

export const sqliteTraces: SessionTraces = {
  look: [
    ...PRAGMAS.map((name) => `pragma ${name}`),
    "select name from pragma_database_list where name <> 'temp'",
    'select type, name from sqlite_temp_master order by name',
  ],
  dirt: {
    PRAGMA: ['pragma foreign_keys = 1', 'pragma recursive_triggers = 1', 'pragma synchronous = 0'],
    'PRAGMA that forbids writes': ['pragma query_only = 1'],
    'PRAGMA that keeps others out': ['pragma locking_mode = exclusive', 'select * from items'],
    'busy timeout that would stop the process': ['pragma busy_timeout = 60000'],
    'temporary table': ['create temporary table mine (id int)'],
    'temporary table that hides one of the tenant': ['create temporary table items as select 9 as id'],
    'temporary view and trigger': [
      'create temporary view mine as select 1 as one',
      'create temporary trigger spy after insert on main.items begin delete from items; end',
    ],
    'temporary table with a name that needs quotes': ['create temporary table "Mi""ne" (id int)'],
    'attached database': ["attach ':memory:' as mine"],
    'open transaction': ['begin', 'insert into items values (1)'],
    'open transaction that writes': ['begin immediate'],
    savepoint: ['savepoint mine', 'insert into items values (1)'],
    'foreign keys that are checked later': ['begin', 'pragma defer_foreign_keys = 1'],
  },
  declared: { foreign_keys: 1, recursive_triggers: 1, synchronous: 1 },
  undeclare: 'pragma foreign_keys = 0',
}
