import type { TestProject } from 'vitest/node'
import { startMariadb } from './start-mariadb.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the run's MariaDB server, without a database. */
    mariadbUrl: string
  }
}

/** Vitest's `globalSetup`: one MariaDB server for all test files of a run, or for several runs one that is given. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['SHERD_TEST_MARIADB_URL']
  if (given !== undefined) {
    project.provide('mariadbUrl', given)
    return async () => {}
  }
  const server = await startMariadb()
  project.provide('mariadbUrl', server.url)
  return () => server.stop({ mode: 'immediate' })
}
