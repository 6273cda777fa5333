import knex, { type Knex } from 'knex'
import type { Variant, VariantOptions } from '../variant.ts'
import { readWithKnex } from './knex-reads.ts'
import { pinnedClients } from './pinned-clients.ts'

/** knex on one client of pg for each request: what it costs, or saves, to stay on one connection, and nothing else. */
export function createPinnedKnex(options: VariantOptions): Variant {
  const { store, ...pinned } = pinnedClients(options)

  class PinnedClient extends (knex({ client: 'pg' }).client.constructor as typeof Knex.Client) {
    override acquireConnection(): Promise<unknown> {
      return Promise.resolve(store().client)
    }

    override releaseConnection(): Promise<void> {
      return Promise.resolve()
    }
  }

  const instance = knex({ client: PinnedClient, connection: options.url, pool: { max: 0 } })
  return {
    ...pinned,
    read: (_req, reads) => readWithKnex(instance, store().tenant, reads),
    async sleep(_req, seconds) {
      await instance.raw('select pg_sleep(?)', [seconds])
    },
  }
}
