import { test as anyTest, inject, type TestAPI } from 'vitest'
import { CANNOT, type EngineName, type Feature } from './engines/features.ts'
import { mariadb } from './engines/mariadb-engine.ts'
import { postgres } from './engines/postgres-engine.ts'
import { sqlite } from './engines/sqlite-engine.ts'
import type { TestEngine } from './engines/test-engine.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The database of this run of the integration suites: vitest.config.ts has one project for each. */
    engine: EngineName
  }
}

const engines: Readonly<Record<EngineName, TestEngine>> = {
  PostgreSQL: postgres,
  MariaDB: mariadb,
  'SQLite (libsql)': sqlite('SQLite (libsql)', 'libsql'),
  'SQLite (better-sqlite3)': sqlite('SQLite (better-sqlite3)', 'better-sqlite3'),
}

/** The database that this run of the suites is on; other packages' suites, which name none, are on PostgreSQL. */
export const engine: TestEngine = engines[inject('engine') ?? 'PostgreSQL']

/** Whether the database of this run has it. */
export function can(feature: Feature): boolean {
  return CANNOT[engine.name][feature] === undefined
}

type Test = (name: string, fn: () => unknown) => void

/** A test of what not every database can: skipped, with the reason, where one cannot. */
function needs(...features: Feature[]): Test {
  return (name, fn) => {
    const missing = features.find((feature) => !can(feature))
    if (missing === undefined) anyTest(name, fn)
    else anyTest(name, ({ skip }) => skip(CANNOT[engine.name][missing]))
  }
}

/** Vitest's `test`, for suites that run on every database. */
export const test: TestAPI & { readonly needs: typeof needs } = Object.assign(anyTest.extend({}), { needs })
