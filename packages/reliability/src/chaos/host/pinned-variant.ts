import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Knex } from 'knex'
import type { Client } from 'pg'
import QueryStream from 'pg-query-stream'
import { commentOf, tagged } from '../history/server-log.ts'
import type { Access } from './access.ts'
import { KnexPerShard } from './knex-per-shard.ts'
import { TENANT_HEADER, type Variant, type VariantOptions } from './variant.ts'

interface Pinned {
  readonly knex: Knex
  readonly connection: Client | undefined
}

/** What one writes by hand: a connection for each request, taken in a middleware, given back on the response's `close`. */
export function pinnedVariant(options: VariantOptions): Variant {
  const shards = new KnexPerShard(options)
  const pinned = new WeakMap<IncomingMessage, Pinned>()

  const pin = async (req: IncomingMessage, res: ServerResponse) => {
    const tenant = req.headers[TENANT_HEADER]
    if (tenant === undefined) return
    const knex = shards.of(String(tenant))
    const connection = await knex.client.acquireConnection()
    res.once('close', () => void knex.client.releaseConnection(connection))
    pinned.set(req, { knex, connection })
  }

  return {
    mountOnExpress(app, mountRoutes) {
      app.use((req, res, next) => {
        pin(req, res).then(
          () => next(),
          (error) => refuse(res, error),
        )
      })
      mountRoutes()
    },
    async mountOnFastify(app) {
      app.addHook('onRequest', (request, reply, done) => {
        pin(request.raw, reply.raw).then(
          () => done(),
          (error) => refuse(reply.raw, error),
        )
      })
    },
    accessOf: (request, id) => accessTo(pinned.get(request) as Pinned, String(id)),
    async job(tenant, id, fn) {
      const knex = shards.of(tenant)
      const connection = await knex.client.acquireConnection()
      try {
        return await fn(accessTo({ knex, connection }, String(id)))
      } finally {
        await knex.client.releaseConnection(connection)
      }
    },
    holdings: () => shards.holdings(),
    close: () => shards.close(),
  }
}

function refuse(res: ServerResponse, error: Error): void {
  res.writeHead(503, { 'content-type': 'application/json' })
  res.end(JSON.stringify({ code: error.name }))
}

function accessTo({ knex, connection }: Pinned, owner: string): Access {
  return {
    rows: async (sql, bindings = []) =>
      (await knex.raw(tagged(owner, sql), bindings).connection(connection)).rows,
    table: (name) => knex(name).comment(commentOf(owner)).connection(connection),
    // Not through the builder: that would give the connection back at the stream's end (knex #6288).
    stream(query) {
      const { sql, bindings } = query.toSQL().toNative()
      return (connection as Client).query(new QueryStream(sql, [...bindings]))
    },
    transaction: (fn) =>
      knex.transaction((trx) => fn(accessTo({ knex: trx, connection: undefined }, owner)), { connection }),
    pause: async () => {},
  }
}
