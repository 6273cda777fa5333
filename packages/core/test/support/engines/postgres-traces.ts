import type { SessionTraces } from './test-engine.ts'

/** `clean-sessions.test.ts` has every other. */
export const postgresTraces: SessionTraces = {
  look: [
    `select current_user, current_setting('search_path') as path, current_setting('statement_timeout') as timeout,
      current_setting('app.mine', true) is not distinct from 'x' as custom,
      (select count(*)::int from pg_class where relpersistence = 't') as temporary,
      (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
      pg_current_xact_id_if_assigned()::text as transaction`,
  ],
  dirt: {
    setting: ["set statement_timeout = '7s'", "set app.mine = 'x'"],
    'temporary table that hides one of the tenant': ['create temporary table items as select 9 as id'],
    'advisory lock': ['select pg_advisory_lock(42)'],
    'open transaction': ['begin', 'insert into items values (1)'],
  },
  declared: { statement_timeout: '9s', search_path: 'public' },
  undeclare: "set statement_timeout = '1s'",
}
