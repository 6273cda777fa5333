import type { TestProject } from 'vitest/node'
import { startPostgres } from './start-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the run's PostgreSQL server; see `createDatabase` in `@sherd/local-servers/test-database`. */
    postgresUrl: string
  }
}

/** Vitest's `globalSetup`: one PostgreSQL server for all test files of a run, or for several runs one that is given. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['SHERD_TEST_POSTGRES_URL']
  if (given !== undefined) {
    project.provide('postgresUrl', given)
    return async () => {}
  }
  const server = await startPostgres()
  project.provide('postgresUrl', server.url)
  return () => server.stop({ mode: 'immediate' })
}
