import type { Endpoint } from '../topology/topology.ts'
import { within } from '../util/within.ts'
import type { Engine } from './engine.ts'
import type { KnexClient } from './knex-internals.ts'

const CLOSE_MS = 500

/**
 * A database that nothing is known about but what knex knows. A session cannot be brought back to its baseline, so no
 * connection is lent twice, unless the shard's configuration takes that risk with `scrub: never`.
 */
export function createUnknownEngine(endpoint: Endpoint, client: KnexClient): Engine {
  return {
    async open() {
      // As knex's own pool does before it asks its dialect for a connection.
      if (client.connectionConfigProvider !== undefined) {
        client.connectionSettings = await client.connectionConfigProvider()
      }
      return client.acquireRawConnection()
    },
    reset: () =>
      endpoint.scrub === 'never' ? undefined : Promise.reject(new Error('the session cannot be reset')),
    identify: async () => undefined,
    keepAlive: () => {},
    async close(connection) {
      connection.__knex__disposed ??= 'closed by the pool'
      await within(CLOSE_MS, client.destroyRawConnection(connection)).catch(() => {})
    },
    cancel: () => Promise.reject(new Error('queries of this database cannot be cancelled')),
    failureOf: (_error, connection) => (connection.__knex__disposed ? 'lost' : undefined),
    sever(connection) {
      connection.__knex__disposed ??= 'severed'
    },
    fateOfCommit: async (connection) => (connection.__knex__disposed ? 'unknown' : 'open'),
    committed: () => true,
    begin: (sql) => sql,
    cursor: () => undefined,
  }
}
