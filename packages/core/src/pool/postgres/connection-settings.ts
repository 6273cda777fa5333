import type { ClientConfig } from 'pg'
import type { Endpoint } from '../../topology/topology.ts'
import type { KnexClient } from '../knex-internals.ts'

/**
 * What node-postgres needs to connect: knex's settings, with everything that belongs to the session's baseline as
 * start-up options. Those are the session's defaults, so that `DISCARD ALL` and `RESET` return to them.
 */
export async function connectionSettings(endpoint: Endpoint, client: KnexClient): Promise<ClientConfig> {
  const settings = await currentSettings(client)
  const options = [settings.options, ...baselineOptions(endpoint)]
    .filter((option) => option !== undefined)
    .join(' ')
  // knex keeps the password out of enumeration, so a copy has to name it.
  return { ...settings, ...passwordOf(settings), ...(options === '' ? {} : { options }) }
}

async function currentSettings(client: KnexClient): Promise<ClientConfig> {
  if (client.connectionConfigProvider === undefined) return withOptionsApart(client.connectionSettings)
  const settings = await client.connectionConfigProvider()
  return withOptionsApart(typeof settings === 'string' ? { connectionString: settings } : settings)
}

/** node-postgres lets everything in a URL go before what stands beside it: `?options=` would undo the baseline. */
function withOptionsApart(settings: ClientConfig): ClientConfig {
  const { connectionString } = settings
  if (connectionString === undefined || !URL.canParse(connectionString)) return settings
  const url = new URL(connectionString)
  const options = url.searchParams.get('options')
  if (options === null) return settings
  url.searchParams.delete('options')
  return { ...settings, ...passwordOf(settings), connectionString: url.href, options }
}

function passwordOf({ password }: ClientConfig): Pick<ClientConfig, 'password'> {
  return password === undefined ? {} : { password }
}

function baselineOptions({ session, knex }: Endpoint): string[] {
  const searchPath = knex.searchPath === undefined ? {} : { search_path: quotedPath(knex.searchPath) }
  return Object.entries({ ...searchPath, ...session }).map(
    ([name, value]) => `-c ${name}=${escapeOption(value)}`,
  )
}

function quotedPath(searchPath: string | readonly string[]): string {
  return [searchPath]
    .flat()
    .map((schema) => `"${schema.replaceAll('"', '""')}"`)
    .join(',')
}

/** https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS */
function escapeOption(value: string): string {
  return value.replaceAll(/[\\\s]/g, (character) => `\\${character}`)
}
