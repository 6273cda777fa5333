import { createSharding, type ShardingEvent, scopeFields } from '@sherd/core'
import { shardMiddleware } from '@sherd/express'
import express from 'express'

// An application with one shard, in a process of its own, watched or not.

const EVENTS: readonly ShardingEvent[] = [
  ...(['pool:created', 'pool:opened', 'pool:exhausted', 'pool:drained', 'pool:closed'] as const),
  ...(['connection:opened', 'connection:closed', 'breaker:changed', 'scope:entered', 'scope:left'] as const),
  ...([
    'lease:requested',
    'lease:checked-out',
    'lease:refused',
    'lease:released',
    'lease:destroyed',
  ] as const),
  ...(['lease:detached', 'lease:leaked', 'lease:recovered', 'job:started', 'job:completed'] as const),
  ...(['topology:reload', 'topology:reloaded'] as const),
]
const STATS_EVERY_MS = 1000

const sharding = createSharding({
  config: {
    tenant: { header: 'x-tenant-id' },
    shards: {
      shard_0: {
        client: 'pg',
        connection: process.env['DATABASE_URL'] ?? '',
        tenants: ['acme'],
        pool: { max: 10 },
      },
    },
  },
})

const isWatched = process.env['WATCHED'] === 'yes'
let heardCount = 0
if (isWatched) {
  for (const event of EVENTS) sharding.on(event, () => heardCount++)
  setInterval(() => sharding.stats({ holders: true }), STATS_EVERY_MS)
}

const app = express()
app.use(shardMiddleware({ sharding }))
app.get('/', async (_req, res) => {
  const { rows } = await sharding.db.raw('select 1 as one')
  // What a logger would put into its line.
  res.json(isWatched ? { rows, ...scopeFields() } : { rows, shard: 'shard_0', tenant: 'acme' })
})

const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
})
process.on('message', () => process.send?.({ cpu: process.cpuUsage(), heardCount }))
process.on('disconnect', () => process.exit())
