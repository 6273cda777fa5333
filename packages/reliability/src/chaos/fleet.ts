import { readdirSync } from 'node:fs'
import path from 'node:path'
import { type FaultProxy, startProxy } from '@sherd/fault-proxy'
import { type PostgresServer, startPostgres } from '@sherd/local-servers'
import { linesOf } from './history/history-file.ts'
import type { RowRecord, StatementRecord } from './history/history-record.ts'
import { LOG_STATEMENTS, parseLogLine } from './history/server-log.ts'
import { SERVERS, SHARDS, serverOf, shardName } from './plan/placement.ts'
import { createSchema, withClient } from './schema.ts'

interface Shard {
  readonly name: string
  readonly server: PostgresServer
  /** Of its database, past the proxy. */
  readonly url: string
  readonly proxy: FaultProxy
}

/** The servers, a database for each shard, and a proxy in front of each. */
export class Fleet implements AsyncDisposable {
  readonly servers: readonly PostgresServer[]
  readonly shards: readonly Shard[]

  private constructor(servers: readonly PostgresServer[], shards: readonly Shard[]) {
    this.servers = servers
    this.shards = shards
  }

  static async start(): Promise<Fleet> {
    const servers = await Promise.all(
      Array.from({ length: SERVERS }, () => startPostgres({ settings: LOG_STATEMENTS })),
    )
    const shards: Shard[] = []
    for (let index = 0; index < SHARDS; index++) {
      const name = shardName(index)
      const server = servers[serverOf(index)] as PostgresServer
      const url = await server.createDatabase(name)
      await createSchema(url, index)
      shards.push({ name, server, url, proxy: await startProxy({ to: url }) })
    }
    return new Fleet(servers, shards)
  }

  /** The shards' URLs for one application, by way of the proxies. */
  urlsFor(applicationName: string): Record<string, string> {
    return Object.fromEntries(
      this.shards.map(({ name, proxy }) => {
        const url = new URL(proxy.url)
        url.searchParams.set('application_name', applicationName)
        return [name, url.href]
      }),
    )
  }

  /** Sessions that the servers have for an application. */
  async sessionsOf(applicationName: string): Promise<number> {
    const counts = await Promise.all(
      this.servers.map((server) =>
        withClient(server.url, async (client) => {
          const { rows } = await client.query(
            'SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE application_name = $1',
            [applicationName],
          )
          return rows[0].sessions as number
        }),
      ),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async *rows(): AsyncGenerator<RowRecord> {
    for (const { name, url } of this.shards) {
      const rows = await withClient(url, async (client) => {
        const result = await client.query('SELECT id, step, tenant, session_tenant FROM writes')
        return result.rows
      })
      for (const { id, step, tenant, session_tenant } of rows)
        yield { t: 'row', shard: name, id, step, tenant, sessionTenant: session_tenant }
    }
  }

  /** What the servers say that they have run, each session's in order. */
  async *statements(): AsyncGenerator<StatementRecord> {
    for (const [index, { folder }] of this.servers.entries()) {
      // One a start of the server, named by the time.
      const logs = readdirSync(folder).filter((name) => name.startsWith('server.') && name.endsWith('.log'))
      for (const log of logs.sort()) {
        for await (const line of linesOf(path.join(folder, log))) {
          const record = parseLogLine(index, line)
          if (record !== undefined) yield record
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.shards.map(({ proxy }) => proxy.close()))
    await Promise.all(this.servers.map((server) => server.stop({ mode: 'immediate' })))
  }
}
