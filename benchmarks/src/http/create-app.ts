import { createServer, type IncomingMessage, type Server } from 'node:http'
import express from 'express'
import fastify from 'fastify'
import { projectId } from './dataset.ts'
import type { Variant } from './variant.ts'

/** `GET /tenant`; `GET /read/3?first=5`, three queries; `GET /transaction/3?first=5`, the same in a transaction. */
export async function createExpressApp(variant: Variant): Promise<Server> {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  if (variant.express !== undefined) app.use(variant.express)
  app.get('/tenant', (req, res) => {
    res.json({ tenant: variant.tenantOf(req) })
  })
  app.get('/:how/:count', async (req, res) => {
    res.json(await answer(variant, req, req.params, String(req.query['first'])))
  })
  return createServer(app)
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
