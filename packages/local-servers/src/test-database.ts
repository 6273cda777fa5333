import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, inject } from 'vitest'
import './vitest.ts'

/**
 * Creates an empty database of the calling test file's own on the run's server and drops it after the file.
 * Call it where hooks may be registered: `const url = await createDatabase()` at a file's top level or in
 * `describe`; as often as databases are needed.
 * @returns its URL
 */
export async function createDatabase(): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`
  afterAll(() => execute(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
  await execute(`CREATE DATABASE ${name}`)
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${name}`
  return url.href
}

async function execute(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresUrl'), ssl: false })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
