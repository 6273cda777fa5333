import type { ConfigObject, Sharding } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import fastify, { type FastifyInstance } from 'fastify'
import { onTestFinished } from 'vitest'
import { openSharding } from '../../../core/test/support/open-sharding.ts'

export const url = await createDatabase()
export const ACME = { 'x-tenant-id': 'acme' }
export const HEADER = { tenant: { header: 'x-tenant-id' } } as const

type Pool = NonNullable<NonNullable<ConfigObject['defaults']>['pool']>

/** One shard with the tenants acme and globex, for the current test. */
export function openShard(pool: Pool = {}): Sharding {
  return openSharding({ shard_0: { connection: url, tenants: ['acme', 'globex'] } }, { pool })
}

/** An application for the current test. */
export function create(): FastifyInstance {
  const app = fastify()
  onTestFinished(() => app.close())
  return app
}

/** What the shard's pool for writing holds now. */
export function poolOf(sharding: Sharding) {
  const stats = sharding.stats().shards['shard_0']
  if (stats === undefined) throw new Error('no shard_0')
  return stats.writing
}
