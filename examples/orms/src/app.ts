import { requireScope } from '@sherd/core'
import { shardErrorHandler, shardMiddleware } from '@sherd/express'
import { asc, eq } from 'drizzle-orm'
import express, { type Express } from 'express'
import type { Kysely } from 'kysely'
import { Project } from './models.ts'
import { projects, type Tables } from './tables.ts'
import { withDrizzle } from './with-drizzle.ts'
import { withKysely } from './with-kysely.ts'

/** The same three times: the names of the tenant's projects. */
export function createApp(): Express {
  const app = express()
  app.use(shardMiddleware({ required: true })) // after your authentication

  app.get('/objection', async (_req, res) => {
    const { tenant = '' } = requireScope()
    res.json(await Project.query().where({ tenant }).orderBy('id').withGraphFetched('tasks'))
  })

  app.get('/kysely', async (_req, res) => {
    const { tenant = '' } = requireScope()
    const found = await withKysely((kysely: Kysely<Tables>) =>
      kysely.selectFrom('projects').selectAll().where('tenant', '=', tenant).orderBy('id').execute(),
    )
    res.json(found)
  })

  app.get('/drizzle', async (_req, res) => {
    const { tenant = '' } = requireScope()
    const found = await withDrizzle((drizzle) =>
      drizzle.select().from(projects).where(eq(projects.tenant, tenant)).orderBy(asc(projects.id)),
    )
    res.json(found)
  })

  app.use(shardErrorHandler())
  return app
}
