import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import pg from 'pg'
import { type Project, SHARD, TENANTS } from '../dataset.ts'
import { tenantHeader } from '../tenant-header.ts'
import type { Variant, VariantOptions } from '../variant.ts'

interface Store {
  readonly tenant: string
  readonly shard: string
  readonly client: pg.PoolClient
}

/**
 * What somebody writes by hand who wants a connection a request: a map from tenants to shards, a pool for each, and
 * AsyncLocalStorage. It answers 400, 404 and 503, and gives the connection back once, whatever becomes of the response.
 */
export function createPinnedPg({ url, poolMax, hygiene, applicationName }: VariantOptions): Variant {
  const shards = new Map(TENANTS.map((tenant) => [tenant, SHARD]))
  const pool = new pg.Pool({
    connectionString: url,
    max: poolMax,
    application_name: applicationName,
    connectionTimeoutMillis: 2000,
  })
  // A connection that is lost while it is idle: without a listener it would end the process.
  pool.on('error', () => {})
  const pools = new Map([[SHARD, pool]])
  const storage = new AsyncLocalStorage<Store>()

  function giveBack(client: pg.PoolClient): void {
    if (hygiene === 'off') client.release()
    else {
      client.query('DISCARD ALL').then(
        () => client.release(),
        (error) => client.release(error),
      )
    }
  }

  function enter(req: IncomingMessage, res: ServerResponse, next: () => void): void {
    const tenant = tenantHeader(req)
    const shard = tenant && shards.get(tenant)
    if (tenant === undefined || shard === undefined) {
      refuse(res, tenant === undefined ? 400 : 404)
      return
    }
    pools
      .get(shard)
      ?.connect()
      .then(
        (client) => {
          if (res.destroyed) {
            client.release()
            return
          }
          let isHeld = true
          const end = () => {
            if (isHeld) giveBack(client)
            isHeld = false
          }
          res.once('prefinish', end)
          res.once('close', end)
          storage.run({ tenant, shard, client }, next)
        },
        () => refuse(res, 503),
      )
  }

  function store(): Store {
    const found = storage.getStore()
    if (found === undefined) throw new Error('outside of requests')
    return found
  }

  return {
    express: enter,
    fastify: (app) => app.addHook('onRequest', (request, reply, next) => enter(request.raw, reply.raw, next)),
    tenantOf: () => store().tenant,
    async read(_req, { ids, inTransaction }) {
      const { client, tenant } = store()
      const projects: Project[] = []
      if (inTransaction) await client.query('BEGIN')
      for (const id of ids) {
        const { rows } = await client.query<Project>(
          'select "id", "tenant", "name" from "projects" where "tenant" = $1 and "id" = $2',
          [tenant, id],
        )
        projects.push(...rows)
      }
      if (inTransaction) await client.query('COMMIT')
      return projects
    },
    async sleep(_req, seconds) {
      await store().client.query('select pg_sleep($1)', [seconds])
    },
    close: () => pool.end(),
  }
}

function refuse(res: ServerResponse, status: number): void {
  res.writeHead(status).end()
}
