import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import pg from 'pg'
import { SHARD, TENANTS } from '../dataset.ts'
import { tenantHeader } from '../tenant-header.ts'
import type { Variant, VariantOptions } from '../variant.ts'

interface Store {
  readonly tenant: string
  readonly shard: string
  readonly client: pg.PoolClient
}

/** What is the same whatever is done with the client. */
export interface PinnedClients extends Pick<Variant, 'express' | 'fastify' | 'tenantOf' | 'close'> {
  /** Of the request that is being served. */
  store(): Store
}

/**
 * What somebody writes by hand who wants a connection a request: a map from tenants to shards, a pool for each, and
 * AsyncLocalStorage. It answers 400, 404 and 503, and gives the connection back once, whatever becomes of the response.
 */
export function pinnedClients({ url, poolMax, hygiene, applicationName }: VariantOptions): PinnedClients {
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
    store,
    express: enter,
    fastify: (app) => app.addHook('onRequest', (request, reply, next) => enter(request.raw, reply.raw, next)),
    tenantOf: () => store().tenant,
    close: () => pool.end(),
  }
}

function refuse(res: ServerResponse, status: number): void {
  res.writeHead(status).end()
}
