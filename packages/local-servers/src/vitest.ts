import type { TestProject } from 'vitest/node'
import { startPostgres } from './start-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the run's PostgreSQL server; see `createDatabase` in `@sherd/local-servers/test-database`. */
    postgresUrl: string
  }
}

/** Vitest's `globalSetup`: one PostgreSQL server for all test files of a run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres()
  project.provide('postgresUrl', server.url)
  return () => server.stop({ mode: 'immediate' })
}
