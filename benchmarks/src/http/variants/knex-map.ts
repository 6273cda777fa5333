import { AsyncLocalStorage } from 'node:async_hooks'
import type { Knex } from 'knex'
import { TENANTS } from '../dataset.ts'
import { tenantHeader } from '../tenant-header.ts'
import type { Variant, VariantOptions } from '../variant.ts'
import { createKnex } from './create-knex.ts'
import { readWithKnex } from './knex-reads.ts'

/** What somebody writes by hand who shards: the knex instance of each tenant's shard in a map. */
export function createKnexMap(options: VariantOptions): Variant {
  const knex = createKnex(options)
  const instances = new Map(TENANTS.map((tenant) => [tenant, knex]))
  const storage = new AsyncLocalStorage<{ readonly tenant: string; readonly knex: Knex }>()

  function store() {
    const found = storage.getStore()
    if (found === undefined) throw new Error('outside of requests')
    return found
  }

  return {
    express(req, res, next) {
      const tenant = tenantHeader(req)
      if (tenant === undefined) {
        res.writeHead(400).end()
        return
      }
      const found = instances.get(tenant)
      if (found === undefined) res.writeHead(404).end()
      else storage.run({ tenant, knex: found }, next)
    },
    tenantOf: () => store().tenant,
    read(_req, reads) {
      const { tenant, knex } = store()
      return readWithKnex(knex, tenant, reads)
    },
    async sleep(_req, seconds) {
      await store().knex.raw('select pg_sleep(?)', [seconds])
    },
    close: () => knex.destroy(),
  }
}
