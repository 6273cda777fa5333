import { statSync } from 'node:fs'
import { type DatabaseIdentity, plainIdentity } from '../database-identity.ts'
import { rowsOf, type SqliteConnection } from './sqlite-connection.ts'

/** The file behind the database, by whatever name it was opened; undefined for one in memory. */
export function identifyFile(connection: SqliteConnection): DatabaseIdentity | undefined {
  const main = rowsOf(connection, 'PRAGMA database_list').find(({ name }) => name === 'main')
  const file = main?.['file']
  if (typeof file !== 'string' || file === '') return undefined
  const { dev, ino } = statSync(file, { bigint: true })
  return plainIdentity(`${dev}/${ino}`)
}
