import { db, type Sharding } from '@sherd/core'
import {
  shardErrorHandler,
  shardHealth,
  shardLiveness,
  shardMiddleware,
  shardReadiness,
} from '@sherd/express'
import express, { type Express } from 'express'
import { connection } from './connection.ts'
import { addProject, projects } from './projects.ts'

const REPORT_MAX_SECONDS = 5

export function createApp(sharding: Sharding): Express {
  const app = express()

  // What needs no tenant stands before the middleware. The last two tell the names of the shards: in production they
  // belong on a port, or behind a rule, that only your own people and machines reach.
  app.get('/health/live', shardLiveness())
  app.get('/health/ready', shardReadiness())
  app.get('/health/shards', shardHealth())
  app.get('/stats', (_req, res) => {
    res.json(sharding.stats())
  })

  // A tenant id identifies, it does not authorise: whoever sends `x-tenant-id: acme` is not thereby allowed to act for
  // acme. Authentication goes here, before the middleware: app.use(authenticate)
  app.use(shardMiddleware({ required: true })) // config/sharding.yaml + config/shards/*.yaml
  app.use(express.json())

  app.get('/projects', async (_req, res) => {
    // Both queries run on the one connection of this request, on its tenant's shard.
    const [at, list] = await Promise.all([
      connection(),
      projects().select('id', 'name', 'done').orderBy('id'),
    ])
    res.json({ ...at, projects: list })
  })

  app.post('/projects', async (req, res) => {
    const name: unknown = req.body?.name
    if (typeof name !== 'string' || name === '' || name.length > 200) {
      res.status(400).json({ error: 'name must be a text of 1 to 200 characters' })
      return
    }
    const project = await addProject(name)
    res.status(201).json({ ...(await connection()), project })
  })

  // Stands for a request that keeps its connection busy for a while.
  app.get('/report', async (req, res) => {
    const seconds = Number(req.query['seconds'] ?? 1)
    if (!(seconds >= 0 && seconds <= REPORT_MAX_SECONDS)) {
      res.status(400).json({ error: `seconds must be a number from 0 to ${REPORT_MAX_SECONDS}` })
      return
    }
    await db.raw('select pg_sleep(?)', [seconds])
    const at = await connection()
    const done = await projects().where({ done: true }).select('name')
    res.json({ ...at, done: done.map(({ name }) => name) })
  })

  // For a POST the connection is taken with the first query, when its body has been read: a shard that has none to
  // give is noticed there, inside the route.
  app.use(shardErrorHandler())
  return app
}
