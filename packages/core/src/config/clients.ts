import type { ConnectionConfig } from './resolved-config.ts'

/** The clients that knex knows, aliases included, and `libsql`, with the npm package that each of them loads. */
export const drivers: Readonly<Record<string, string>> = {
  pg: 'pg',
  postgres: 'pg',
  postgresql: 'pg',
  pgnative: 'pg-native',
  cockroachdb: 'pg',
  redshift: 'pg',
  mysql2: 'mysql2',
  mysql: 'mysql',
  mariadb: 'mariadb',
  'better-sqlite3': 'better-sqlite3',
  libsql: 'libsql',
  sqlite3: 'sqlite3',
  sqlite: 'sqlite3',
  mssql: 'tedious',
  oracledb: 'oracledb',
}

/** Whether a client's connection text is the name of a file instead of a URL. */
export function takesFileName(client: string): boolean {
  return client === 'libsql' || (drivers[client]?.includes('sqlite3') ?? false)
}

/** What Sherd knows of a client beyond what knex knows: how to clean its sessions, cancel its queries, … */
export type Family = 'postgres' | 'mysql' | 'sqlite'

/** By driver. */
const families: Readonly<Record<string, Family>> = {
  pg: 'postgres',
  mysql2: 'mysql',
  'better-sqlite3': 'sqlite',
  libsql: 'sqlite',
}

/** Undefined for a client that is knex's business alone. */
export function familyOf(client: string): Family | undefined {
  return Object.hasOwn(drivers, client) ? families[drivers[client] as string] : undefined
}

/** Whether the settings of `session` can be made part of a client's sessions. */
export function takesSession(client: string): boolean {
  return familyOf(client) !== undefined
}

/** Whether a replica can be asked how far behind its primary it is. */
export function tellsLag(client: string): boolean {
  return (familyOf(client) === 'postgres' && !LOG_IS_ITS_OWN.has(client)) || familyOf(client) === 'mysql'
}

/** They speak PostgreSQL's protocol, and replicate in another way. */
const LOG_IS_ITS_OWN = new Set(['cockroachdb', 'redshift'])

/** Whether each connection is a database of its own, which ends with it (https://www.sqlite.org/inmemorydb.html). */
export function isInMemory(client: string, connection: ConnectionConfig): boolean {
  const filename = typeof connection === 'object' ? connection['filename'] : connection
  return familyOf(client) === 'sqlite' && filename === ':memory:'
}
