import type { Sharding } from '@sherd/core'

type Db = Sharding['db']

/** What a database server says about itself. */
export interface ServerFacts {
  /** Its product and version; null where the client is not known. */
  readonly server: string | null
  /** A query and its answer on an open connection. */
  readonly latencyMs: number
  /** Null where the server has none, or does not tell. */
  readonly connections: Connections | null
}

export interface Connections {
  readonly used: number
  readonly allowed: number
}

interface Questions {
  server(db: Db): Promise<string>
  connections(db: Db): Promise<Connections | null>
}

/** Asks the server of the current scope. */
export async function serverFacts(db: Db): Promise<ServerFacts> {
  const questions = DIALECTS[db.client.dialect as string]
  const server = (await questions?.server(db)) ?? null
  const startedAt = performance.now()
  await db.raw('select 1')
  const latencyMs = Math.round((performance.now() - startedAt) * 100) / 100
  // Something that speaks a database's protocol need not have its catalogues.
  const connections = await questions?.connections(db).catch(() => null)
  return { server, latencyMs, connections: connections ?? null }
}

/** By knex's name for the dialect. */
const DIALECTS: Readonly<Record<string, Questions>> = {
  postgresql: {
    async server(db) {
      const { version } = await db.first(db.raw('version() as version'))
      // "PostgreSQL 18.4 on x86_64-pc-linux-gnu, …", "CockroachDB CCL v25.2.1 (…)"
      const [, name, number] = /^(\w+)\b.*?\bv?(\d[\w.]*)/.exec(version) ?? []
      return name === undefined ? version : `${name} ${number}`
    },
    async connections(db) {
      // Whose sessions the user may not look into count, too: of those, `backend_type` is null.
      const used = db('pg_stat_activity')
        .count()
        .whereNotNull('datid')
        .whereNotNull('usesysid')
        .whereRaw("coalesce(backend_type, 'client backend') = 'client backend'")
      const row = await db.first(db.raw("current_setting('max_connections') as allowed"), { used })
      return connectionsOf(row)
    },
  },
  mysql: {
    async server(db) {
      const { version } = await db.first(db.raw('version() as version'))
      const [number] = version.split('-')
      return `${version.includes('MariaDB') ? 'MariaDB' : 'MySQL'} ${number}`
    },
    async connections(db) {
      // The one place for it that MySQL and MariaDB have in common.
      const [[status]] = await db.raw("show global status like 'Threads_connected'")
      const { allowed } = await db.first(db.raw('@@max_connections as allowed'))
      return connectionsOf({ used: status.Value, allowed })
    },
  },
  sqlite3: {
    async server(db) {
      const { version } = await db.first(db.raw('sqlite_version() as version'))
      return `SQLite ${version}`
    },
    connections: async () => null,
  },
}

function connectionsOf({ used, allowed }: { used: unknown; allowed: unknown }): Connections | null {
  const found = { used: Number(used), allowed: Number(allowed) }
  return found.used >= 0 && found.allowed > 0 ? found : null
}
