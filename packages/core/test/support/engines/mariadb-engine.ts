import { randomBytes } from 'node:crypto'
import type {} from '@sherd/local-servers/vitest-mariadb'
import type { Connection } from 'mysql2'
import mysql from 'mysql2/promise'
import { afterAll, inject } from 'vitest'
import { mariadbTraces } from './mariadb-traces.ts'
import type { TestEngine } from './test-engine.ts'
import { type Session, View } from './view.ts'

async function runSql(url: string, ...statements: string[]): Promise<void> {
  const connection = await mysql.createConnection(url)
  try {
    for (const statement of statements) await connection.query(statement)
  } finally {
    await connection.end()
  }
}

/** Of the database of the connection that looks, and in the words of PostgreSQL. */
const SESSIONS = `
  select id as pid, coalesce(info, '') as query, if(command = 'Query', 'active', 'idle') as state
  from information_schema.processlist where db = database() and id <> connection_id() and command <> 'Killed'`

export const mariadb: TestEngine = {
  name: 'MariaDB',
  client: 'mysql2',
  hasServer: true,
  async createDatabase() {
    const name = `test_${randomBytes(6).toString('hex')}`
    const server = inject('mariadbUrl')
    afterAll(() => runSql(server, `drop database if exists ${name}`))
    await runSql(server, `create database ${name}`)
    return new URL(name, server).href
  },
  runSql,
  async view(url) {
    const connection = await mysql.createConnection(url)
    const query = async (sql: string, bindings: unknown[] = []) =>
      (await connection.query(sql, bindings))[0] as Record<string, unknown>[]
    return new View({
      query,
      sessions: async () => (await query(SESSIONS)) as unknown as Session[],
      terminate: (pid) => query(`kill ${pid}`),
      close: () => connection.end(),
    })
  },
  nameOf: (url) => new URL(url).pathname.slice(1),
  rows: ([rows]) => rows,
  query: (connection: Connection, sql) =>
    new Promise((resolve, reject) => {
      connection.query(sql, (error, rows) => (error ? reject(error) : resolve(rows as unknown[])))
    }),
  nowhere: 'mysql://root@127.0.0.1:1/nothing',
  sql: {
    session: 'connection_id()',
    database: 'database()',
    int: '?',
    serial: 'int auto_increment primary key',
    mark: { set: "set @mark = 'x'", get: "if(@mark = 'x', 'x', '')" },
    transaction: 'nullif(@@in_transaction, 0)',
    failsAt500: '(select 1 from numbers as others where others.id <= if(numbers.id = 500, 2, 1))',
    failures: /ER_SUBQUERY_NO_1_ROW|ER_NO_SUCH_TABLE/,
    cursors: undefined,
    isolation: 'none',
    readOnly: 'none',
    sleep: (seconds) => `sleep(${seconds})`,
    sleeping: 'sleep(',
  },
  traces: mariadbTraces,
}
