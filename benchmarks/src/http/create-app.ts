import { createServer, type IncomingMessage, type Server } from 'node:http'
import express, { type ErrorRequestHandler } from 'express'
import fastify from 'fastify'
import { projectId } from './dataset.ts'
import type { Variant } from './variant.ts'

/** The server is asked to take so long; what it can bear is small then, and many times as much can be sent. */
export const SLEEP_SECONDS = 0.05

/** `GET /tenant`; `GET /sleep`; `GET /read/3?first=5`, three queries; `GET /transaction/3?first=5`, the same in a transaction. */
export async function createExpressApp(variant: Variant): Promise<Server> {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  if (variant.express !== undefined) app.use(variant.express)
  app.get('/tenant', (req, res) => {
    res.json({ tenant: variant.tenantOf(req) })
  })
  app.get('/sleep', async (req, res) => {
    await variant.sleep(req, SLEEP_SECONDS)
    res.json({ tenant: variant.tenantOf(req) })
  })
  app.get('/:how/:count', async (req, res) => {
    res.json(await answer(variant, req, req.params, String(req.query['first'])))
  })
  app.use(answerError)
  return createServer(app)
}

/** Express would print each. */
const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(error.statusCode ?? 503).json({ error: error.code ?? error.name })
}

export async function createFastifyApp(variant: Variant): Promise<Server> {
  const app = fastify()
  variant.fastify?.(app)
  app.register(async (routes) => {
    routes.get('/tenant', async (request) => ({ tenant: variant.tenantOf(request.raw) }))
    routes.get<{ Params: Params; Querystring: { first: string } }>('/:how/:count', (request) =>
      answer(variant, request.raw, request.params, request.query.first),
    )
  })
  await app.ready()
  return app.server
}

interface Params {
  readonly how: string
  readonly count: string
}

async function answer(
  variant: Variant,
  req: IncomingMessage,
  { how, count }: Params,
  first: string,
): Promise<object> {
  const ids = Array.from({ length: Number(count) }, (_, index) => projectId(Number(first), index))
  const projects = await variant.read(req, { ids, inTransaction: how === 'transaction' })
  return { tenant: variant.tenantOf(req), projects }
}
