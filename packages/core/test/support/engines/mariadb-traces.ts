import type { SessionTraces } from './test-engine.ts'

export const mariadbTraces: SessionTraces = {
  look: [
    `select database() as db, current_role() as role, @mine as variable, is_used_lock('mine') as lock_of,
      @@in_transaction as transaction, last_insert_id() as last_id`,
    // Those that go by themselves with every statement tell nothing.
    `select variable_name, variable_value from information_schema.session_variables
     where variable_name not in ('timestamp', 'warning_count', 'error_count', 'rand_seed1', 'rand_seed2',
       'last_insert_id', 'identity', 'pseudo_thread_id', 'insert_id', 'last_gtid') order by variable_name`,
  ],
  dirt: {
    setting: ['set session lock_wait_timeout = 3'],
    sql_mode: ["set sql_mode = 'ANSI_QUOTES'"],
    'character set': ['set names latin1'],
    'time zone': ["set time_zone = '+05:00'"],
    'isolation level': ['set session transaction isolation level serializable'],
    'isolation level of the next transaction': ['set transaction isolation level serializable'],
    'read-only session': ['set session transaction read only'],
    'autocommit that is off': ['set autocommit = 0', 'insert into items values (1)'],
    'user variable': ['set @mine = 1'],
    'temporary table': ['create temporary table mine (id int)'],
    'temporary table that hides one of the tenant': ['create temporary table items as select 9 as id'],
    'prepared statement': ["prepare mine from 'select 1'"],
    'lock by name': ["select get_lock('mine', 1)"],
    'lock on a table': ['lock tables items write'],
    'open transaction': ['begin', 'insert into items values (1)'],
    savepoint: ['begin', 'savepoint mine', 'insert into items values (1)'],
    'XA transaction': ["xa start 'mine'", 'insert into items values (1)'],
    'cursor of HANDLER': ['handler items open as mine'],
    'other database': ['use mysql'],
    'last insert id': ['select last_insert_id(7)'],
    'foreign key checks': ['set foreign_key_checks = 0'],
  },
  declared: { sql_mode: 'ANSI_QUOTES,STRICT_ALL_TABLES', lock_wait_timeout: 7, time_zone: '+03:00' },
  undeclare: "set session sql_mode = '', lock_wait_timeout = 1, time_zone = '+00:00'",
}
