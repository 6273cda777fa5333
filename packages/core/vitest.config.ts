import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { shared, sharedWithPostgres } from '../../vitest.shared.ts'
// By its path: the configuration is bundled, its packages are not.
import { mariadbPrograms } from '../local-servers/src/supervisor/mariadb-programs.mjs'
import type { EngineName } from './test/support/engines/features.ts'

const EVERYTHING = ['test/**/*.test.ts']
/** Says which suites do not run, and why. */
const MISSING = ['test/engines/missing.test.ts']

/** Integration suites that are written for every database: they take it from `test/support/engine.ts`. */
const suites = readdirSync('test/integration')
  .map((name) => `test/integration/${name}`)
  .filter((file) => file.endsWith('.test.ts') && readFileSync(file, 'utf8').includes("/support/engine.ts'"))

/** Why a package cannot be used here; undefined when it can. */
function whyNot(driver: string): string | undefined {
  try {
    const Database = createRequire(import.meta.url)(driver)
    new Database(':memory:').close()
    return undefined
  } catch (error) {
    return (error as Error).message.split('\n', 1)[0]
  }
}

/** Tests of what only one database does. */
const OWN: Readonly<Record<EngineName, string[]>> = {
  PostgreSQL: [],
  MariaDB: ['test/engines/mariadb.test.ts', 'test/engines/mariadb-replica.test.ts'],
  'SQLite (libsql)': ['test/engines/sqlite.test.ts'],
  'SQLite (better-sqlite3)': ['test/engines/sqlite.test.ts'],
}

function project(engine: EngineName, config: typeof shared, why?: string): TestProjectInlineConfiguration {
  const include = why === undefined ? [...suites, ...OWN[engine]] : MISSING
  return {
    ...config,
    test: {
      ...config.test,
      name: engine,
      include: engine === 'PostgreSQL' ? EVERYTHING : include,
      exclude: engine === 'PostgreSQL' ? ['test/engines/**'] : [],
      typecheck: { ...config.test?.typecheck, enabled: engine === 'PostgreSQL' },
      provide: { engine, whyMissing: why ?? '' },
    },
  } as TestProjectInlineConfiguration
}

const sharedWithMariadb = {
  ...shared,
  test: { ...shared.test, globalSetup: ['@sherd/local-servers/vitest-mariadb'] },
}
const noMariadb = mariadbPrograms() === undefined ? 'there is no mariadbd on this machine' : undefined

export default defineConfig({
  test: {
    reporters: shared.test?.reporters ?? [],
    projects: [
      project('PostgreSQL', sharedWithPostgres),
      project('MariaDB', noMariadb === undefined ? sharedWithMariadb : shared, noMariadb),
      project('SQLite (libsql)', shared, whyNot('libsql')),
      project('SQLite (better-sqlite3)', shared, whyNot('better-sqlite3')),
    ],
  },
})
