import { defineConfig } from '@sherd/core'

/** Connections that all workers together may have to the database server. */
export const BUDGET = 12

const urls = [process.env['SHARD_0_DATABASE_URL'] ?? '', process.env['SHARD_1_DATABASE_URL'] ?? '']

/** Two shards on one server, of which the port is known only when it has started: else these were files. */
export const config = defineConfig({
  router: { strategy: 'static' },
  tenant: { header: 'x-tenant-id' },
  defaults: { client: 'pg', pool: { max: 10, min: 1, checkoutTimeoutMs: 10_000 } },
  servers: { [new URL(urls[0] || 'postgres://localhost').host]: { maxConnections: BUDGET } },
  shards: {
    shard_0: { connection: urls[0] ?? '', tenants: ['acme', 'globex'] },
    shard_1: { connection: urls[1] ?? '', tenants: ['initech', 'hooli'] },
  },
})
