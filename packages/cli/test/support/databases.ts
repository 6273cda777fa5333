import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, inject } from 'vitest'
import '@sherd/local-servers/vitest'

/** Empty databases on the run's server, gone after the test file: many at once, for which copying files is fastest. */
export async function createDatabases(count: number): Promise<readonly string[]> {
  const prefix = `test_${randomBytes(6).toString('hex')}`
  const names = Array.from({ length: count }, (_, index) => `${prefix}_${index}`)
  afterAll(() => onServer(names.map((name) => `drop database if exists ${name} with (force)`)))
  await onServer(names.map((name) => `create database ${name} strategy file_copy`))
  return names.map((name) => Object.assign(new URL(inject('postgresUrl')), { pathname: `/${name}` }).href)
}

/** The rows of a statement, each as a list. */
export async function rowsOf(url: string, sql: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows
  } finally {
    await client.end()
  }
}

async function onServer(statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresUrl') })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
