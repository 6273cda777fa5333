import { tenantHeader } from '../tenant-header.ts'
import type { Variant, VariantOptions } from '../variant.ts'
import { createKnex } from './create-knex.ts'
import { readWithKnex } from './knex-reads.ts'

/** knex with one database, as most applications have it. */
export function createKnexPerQuery(options: VariantOptions): Variant {
  const knex = createKnex(options)
  return {
    tenantOf: (req) => tenantHeader(req) ?? '',
    read: (req, reads) => readWithKnex(knex, tenantHeader(req) ?? '', reads),
    async sleep(_req, seconds) {
      await knex.raw('select pg_sleep(?)', [seconds])
    },
    close: () => knex.destroy(),
  }
}
