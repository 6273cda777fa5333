import { once } from 'node:events'
import { RunningApplication } from '@sherd/conformance/application'
import type { Sharding } from '@sherd/core'
import { type RequestOptions, shardErrorHandler, shardMiddleware } from '@sherd/express'
import type { Application, ErrorRequestHandler, Request } from 'express'
import { onTestFinished } from 'vitest'
import type { Express } from './express-versions.ts'

/** Renders what no other error handler did, so that tests see the code. */
export const lastResort: ErrorRequestHandler = (error, _req, res, _next) => {
  if (res.headersSent) res.destroy()
  else res.status(500).json({ code: error.code ?? String(error) })
}

export interface ApplicationOptions {
  readonly sharding: Sharding
  readonly options?: Partial<RequestOptions<Request>>
  /** Mounts what stands before the middleware, such as body parsers. */
  readonly before?: (app: Application) => void
  readonly routes: (app: Application) => void
}

/** An application as users write it, listening for the duration of the current test. Tenants come in `x-tenant-id`. */
export async function start(
  express: Express,
  { sharding, options, before, routes }: ApplicationOptions,
): Promise<RunningApplication> {
  const app = express()
  before?.(app)
  app.use(shardMiddleware({ sharding, tenant: { header: 'x-tenant-id' }, ...options }))
  routes(app)
  app.use(shardErrorHandler())
  app.use(lastResort)
  return listen(app)
}

export async function listen(app: Application): Promise<RunningApplication> {
  const server = app.listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return new RunningApplication(server)
}
