import { createDatabase } from '@sherd/local-servers/test-database'
import pg from 'pg'
import { postgresTraces } from './postgres-traces.ts'
import type { TestEngine } from './test-engine.ts'
import { type Session, View } from './view.ts'

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

export const postgres: TestEngine = {
  name: 'PostgreSQL',
  client: 'pg',
  hasServer: true,
  createDatabase,
  async runSql(url, ...statements) {
    const client = await connect(url)
    try {
      for (const statement of statements) await client.query(statement)
    } finally {
      await client.end()
    }
  },
  async view(url) {
    const client = await connect(url)
    return new View({
      query: async (sql, bindings) => (await client.query(sql, bindings)).rows,
      sessions: async () =>
        (
          await client.query<Session>(
            `select pid, state, query from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
          )
        ).rows,
      terminate: (pid) => client.query('select pg_terminate_backend($1)', [pid]),
      close: () => client.end(),
    })
  },
  nameOf: (url) => new URL(url).pathname.slice(1),
  rows: ({ rows }) => rows,
  query: async (client: pg.Client, sql) => (await client.query(sql)).rows,
  nowhere: 'postgres://postgres@127.0.0.1:1/nothing',
  sql: {
    session: 'pg_backend_pid()',
    database: 'current_database()',
    int: '?::int',
    serial: 'serial',
    mark: { set: "set app.mark = 'x'", get: "coalesce(current_setting('app.mark', true), '')" },
    transaction: 'pg_current_xact_id_if_assigned()',
    failsAt500: '1 / (500 - id)',
    failures: /22012|42P01/,
    cursors: 'pg_cursors',
    isolation: 'show transaction_isolation',
    readOnly: 'show transaction_read_only',
    sleep: (seconds) => `pg_sleep(${seconds})`,
    sleeping: 'pg_sleep',
  },
  traces: postgresTraces,
}
