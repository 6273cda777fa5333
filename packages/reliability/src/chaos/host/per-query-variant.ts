import type { Knex } from 'knex'
import { commentOf, tagged } from '../history/server-log.ts'
import type { Access } from './access.ts'
import { KnexPerShard } from './knex-per-shard.ts'
import { TENANT_HEADER, type Variant, type VariantOptions } from './variant.ts'

/** Plain knex: each query takes whatever connection is free. */
export function perQueryVariant(options: VariantOptions): Variant {
  const shards = new KnexPerShard(options)
  return {
    mountOnExpress: (_app, mountRoutes) => mountRoutes(),
    mountOnFastify: async () => {},
    accessOf: ({ headers }, id) => accessTo(shards.of(String(headers[TENANT_HEADER])), ownersOf(id)),
    job: (tenant, id, fn) => fn(accessTo(shards.of(tenant), ownersOf(id))),
    holdings: () => shards.holdings(),
    close: () => shards.close(),
  }
}

/** Nothing belongs together but a transaction: every query owns its connection by itself. */
function ownersOf(id: number): () => string {
  let queries = 0
  return () => `${id}.${++queries}`
}

function accessTo(knex: Knex, nextOwner: () => string): Access {
  return {
    rows: async (sql, bindings = []) => (await knex.raw(tagged(nextOwner(), sql), bindings)).rows,
    table: (name) => knex(name).comment(commentOf(nextOwner())),
    stream: (query) => query.stream() as never,
    transaction(fn) {
      const owner = nextOwner()
      return knex.transaction((trx) => fn(accessTo(trx, () => owner)))
    },
    pause: async () => {},
  }
}
