import type { Endpoint } from '../../topology/topology.ts'

/** A setting's name and its value, as start-up options and `set_config` have it. */
export type SessionSetting = readonly [name: string, value: string]

/** What the shard's configuration says about each of its sessions. */
export function sessionSettings({ session, knex }: Endpoint): readonly SessionSetting[] {
  const searchPath = knex.searchPath === undefined ? {} : { search_path: quotedPath(knex.searchPath) }
  return Object.entries({ ...searchPath, ...session })
}

/** https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS */
export function asStartupOptions(settings: readonly SessionSetting[]): string {
  return settings.map(([name, value]) => `-c ${name}=${escapeOption(value)}`).join(' ')
}

function quotedPath(searchPath: string | readonly string[]): string {
  return [searchPath]
    .flat()
    .map((schema) => `"${schema.replaceAll('"', '""')}"`)
    .join(',')
}

function escapeOption(value: string): string {
  return value.replaceAll(/[\\\s]/g, (character) => `\\${character}`)
}
