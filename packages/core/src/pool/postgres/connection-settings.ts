import type { ClientConfig } from 'pg'
import type { KnexClient } from '../knex-internals.ts'

/**
 * What node-postgres needs to connect: knex's settings, with `startupOptions` behind their own. Those are the session's
 * defaults, so that `DISCARD ALL` and `RESET` return to them.
 */
export async function connectionSettings(client: KnexClient, startupOptions: string): Promise<ClientConfig> {
  const settings = await currentSettings(client)
  const options = [settings.options ?? '', startupOptions].filter((option) => option !== '').join(' ')
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
