import type { ConnectionConfig } from '../../config/resolved-config.ts'
import { discreetConnection } from '../../util/discreet.ts'

type Settings = string | Readonly<Record<string, unknown>>

/** The same connection to another database of its server; undefined for none in particular. */
export function withDatabase(connection: ConnectionConfig, database: string | undefined): ConnectionConfig {
  if (typeof connection !== 'function') return settingsWith(connection, database)
  return async () => settingsWith(await connection(), database)
}

function settingsWith(settings: Settings, database: string | undefined): Settings {
  if (typeof settings === 'string') return urlWith(settings, database)
  for (const name of ['connectionString', 'uri']) {
    const url = settings[name]
    if (typeof url === 'string') return discreetConnection({ ...settings, [name]: urlWith(url, database) })
  }
  return discreetConnection({ ...settings, database })
}

function urlWith(url: string, database: string | undefined): string {
  const changed = new URL(url)
  changed.pathname = `/${encodeURIComponent(database ?? '')}`
  return changed.href
}
