import { type PostgresServer, startPostgres } from '@sherd/local-servers'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of a PostgreSQL server beside that of `postgresUrl`. */
    secondPostgresUrl: string
  }
}

let server: PostgresServer

/** Vitest's `globalSetup`: another server, so that one can fail and the other not. */
export async function setup(project: TestProject): Promise<void> {
  server = await startPostgres()
  project.provide('secondPostgresUrl', server.url)
}

export async function teardown(): Promise<void> {
  await server.stop({ mode: 'immediate' })
}
