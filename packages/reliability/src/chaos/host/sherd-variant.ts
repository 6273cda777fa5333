import { createSharding, type Sharding } from '@sherd/core'
import { shardErrorHandler, shardMiddleware } from '@sherd/express'
import { shardPlugin } from '@sherd/fastify'
import { commentOf, tagged } from '../history/server-log.ts'
import { shardNames, tenantsOf } from '../plan/placement.ts'
import type { Access } from './access.ts'
import { TENANT_HEADER, type Variant, type VariantOptions } from './variant.ts'

/** Longer than any query or fault is planned to last. */
const QUERY_TIMEOUT_MS = 10_000

/** As its documentation says: the middleware, `db`, and `shardedJob`. */
export function sherdVariant({ shards, ...pool }: VariantOptions): Variant {
  const sharding = createSharding({
    config: {
      tenant: { header: TENANT_HEADER },
      // That load is shed is seen elsewhere; here every refusal needs a fault.
      defaults: { client: 'pg', pool: { ...pool, shedTargetMs: null, queryTimeoutMs: QUERY_TIMEOUT_MS } },
      shards: Object.fromEntries(
        shardNames.map((name, index) => [
          name,
          { connection: shards[name] as string, tenants: tenantsOf(index) },
        ]),
      ),
    },
  })
  const job = sharding.shardedJob(
    (tenant: string, _work: () => Promise<unknown>) => tenant,
    (_tenant, work) => work(),
  )
  return {
    mountOnExpress(app, mountRoutes) {
      app.use(shardMiddleware({ sharding }))
      mountRoutes()
      app.use(shardErrorHandler())
    },
    mountOnFastify: async (app) => {
      await app.register(shardPlugin, { sharding })
    },
    accessOf: (_request, id) => accessTo(sharding, String(id)),
    job: (tenant, id, fn) => job(tenant, () => fn(accessTo(sharding, String(id)))) as ReturnType<typeof fn>,
    holdings() {
      const pools = Object.values(sharding.stats().shards).map(({ writing }) => writing)
      const sum = (of: (pool: (typeof pools)[number]) => number) =>
        pools.reduce((all, each) => all + of(each), 0)
      return {
        leases: sum(({ active }) => active),
        waiting: sum(({ waiting }) => waiting),
        connections: sum(({ total }) => total),
        max: sum(({ max }) => max),
      }
    },
    close: () => sharding.close(),
  }
}

function accessTo({ db, releaseConnection }: Sharding, owner: string): Access {
  const access: Access = {
    rows: async (sql, bindings = []) => (await db.raw(tagged(owner, sql), bindings)).rows,
    table: (name) => db(name).comment(commentOf(owner)),
    // Several fetches for a tenant's rows, with queries of others in between.
    stream: (query) => query.stream({ batchSize: 7 } as object) as never,
    // Inside, the ambient `db` is the transaction.
    transaction: (fn) => db.transaction(() => fn(access)),
    pause: releaseConnection,
  }
  return access
}
