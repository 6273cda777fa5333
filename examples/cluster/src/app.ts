import { db, requireScope, type Sharding } from '@sherd/core'
import { shardMiddleware } from '@sherd/express'
import express, { type Express } from 'express'

export function createApp(sharding: Sharding): Express {
  const app = express()
  app.get('/stats', (_req, res) => void res.json({ worker: process.pid, ...sharding.stats() }))
  app.use(shardMiddleware({ sharding, required: true }))
  app.get('/work', async (_req, res) => {
    const { rows } = await db.raw('select current_database() as database, pg_sleep(0.01)')
    res.json({ worker: process.pid, shard: requireScope().shard, database: rows[0].database })
  })
  return app
}
