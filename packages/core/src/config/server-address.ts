import { familyOf } from './clients.ts'
import type { ConnectionConfig } from './resolved-config.ts'

const PORTS = { postgres: '5432', mysql: '3306', sqlite: '' } as const

/**
 * The server that a connection leads to: `db-1.internal:5432`. Undefined where the settings name none: with files, and with
 * functions, whose answer may change.
 */
export function serverAddress(client: string, connection: ConnectionConfig): string | undefined {
  const family = familyOf(client)
  if (typeof connection === 'function' || family === 'sqlite') return undefined
  const { host, port } = typeof connection === 'string' ? ofUrl(connection) : ofSettings(connection)
  if (host === '') return undefined
  return `${host.toLowerCase()}:${port || (family === undefined ? '' : PORTS[family])}`
}

/** The same without its port, where that is the usual one. */
export function shortAddress(address: string): string | undefined {
  return /^(.+):(?:5432|3306)$/.exec(address)?.[1]
}

function ofUrl(text: string): { host: string; port: string } {
  if (!URL.canParse(text)) return { host: '', port: '' }
  const { hostname: host, port } = new URL(text)
  return { host, port }
}

function ofSettings(settings: Readonly<Record<string, unknown>>): { host: string; port: string } {
  const { connectionString, host, server, socketPath, port } = settings
  if (typeof connectionString === 'string') return ofUrl(connectionString)
  return { host: String(host ?? server ?? socketPath ?? ''), port: String(port ?? '') }
}
