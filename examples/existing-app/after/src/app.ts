import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { shardErrorHandler, shardMiddleware } from '@sherd/express'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { authenticate } from './authenticate.ts'
import { addProject, countProjects, finishProject, listProjects, streamNames } from './projects.ts'

export function createApp(): Express {
  const app = express()
  app.get('/health', (_req, res) => {
    res.json({ status: 'ok' })
  })
  app.use(authenticate)
  app.use(shardMiddleware({ required: true }))
  app.use(express.json())

  app.get('/projects', async (_req, res) => {
    res.json(await listProjects(res.locals['tenant']))
  })

  app.post('/projects', async (req, res) => {
    res.status(201).json(await addProject(res.locals['tenant'], req.body.name))
  })

  app.post('/projects/:id/finish', async (req, res) => {
    const project = await finishProject(res.locals['tenant'], Number(req.params.id))
    if (project === undefined) res.status(404).json({ error: 'not found' })
    else res.json(project)
  })

  app.get('/counts', async (_req, res) => {
    res.json(await countProjects(res.locals['tenant']))
  })

  app.get('/names.txt', async (_req, res) => {
    res.type('text/plain')
    await pipeline(streamNames(res.locals['tenant']), lines(), res)
  })

  app.use(shardErrorHandler())
  app.use(renderError)
  return app
}

function lines(): Transform {
  return new Transform({
    writableObjectMode: true,
    transform: ({ name }, _encoding, done) => done(null, `${name}\n`),
  })
}

const renderError: ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(500).json({ error: error.message })
}
