import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { EngineName } from './features.ts'
import { sqliteTraces } from './sqlite-traces.ts'
import type { TestEngine } from './test-engine.ts'
import { View } from './view.ts'

interface Database {
  prepare(sql: string): {
    reader: boolean
    all(bindings: unknown[]): never[]
    run(bindings: unknown[]): unknown
  }
  exec(sql: string): void
  close(): void
}

const require = createRequire(import.meta.url)

/** The package is loaded when it is used: of one engine of the two it may be missing. */
export function sqlite(name: EngineName, client: string): TestEngine {
  const open = (file: string): Database => new (require(client))(file, { timeout: 5000 })
  return {
    name,
    client,
    hasServer: false,
    async createDatabase() {
      const folder = mkdtempSync(join(tmpdir(), 'sherd-test-'))
      afterAll(() => rmSync(folder, { recursive: true, force: true }))
      return join(realpathSync(folder), 'shard.db')
    },
    async runSql(file, ...statements) {
      const database = open(file)
      try {
        for (const statement of statements) database.exec(statement)
      } finally {
        database.close()
      }
    },
    async view(file) {
      const database = open(file)
      const unseen = () => Promise.reject(new Error('SQLite has no sessions: the test needs a SERVER'))
      return new View({
        query: async (sql, bindings) => database.prepare(sql).all(bindings),
        sessions: unseen,
        terminate: unseen,
        close: async () => database.close(),
      })
    },
    nameOf: (file) => file,
    rows: (answer) => answer,
    query: async (database: Database, sql) => {
      const statement = database.prepare(sql)
      if (statement.reader) return statement.all([])
      statement.run([])
      return []
    },
    nowhere: '/no/such/folder/shard.db',
    traces: sqliteTraces,
    sql: {
      // Every connection of the suites has a number there: see `openSharding`.
      session: '(select cache_size from pragma_cache_size)',
      database: "(select file from pragma_database_list where name = 'main')",
      int: '?',
      serial: 'integer primary key autoincrement',
      mark: {
        set: 'pragma recursive_triggers = 1',
        get: "(select iif(recursive_triggers, 'x', '') from pragma_recursive_triggers)",
      },
      transaction: 'null',
      failsAt500: "json(iif(id = 500, 'no JSON', '1'))",
      failures: /SQLITE_ERROR/,
      cursors: undefined,
      isolation: 'none',
      readOnly: 'none',
      sleep: () => 'no statement of SQLite sleeps',
      sleeping: 'sleep',
    },
  }
}

const numbers = new WeakMap<object, number>()
let last = 0

/** Gives a connection a number of its own, and again whenever it was cleaned. */
export function numberSqliteConnection(connection: Database): void {
  const number = numbers.get(connection) ?? ++last
  numbers.set(connection, number)
  // Pages of the cache, of which nobody counts on any.
  connection.exec(`PRAGMA cache_size = ${10_000 + number}`)
}
