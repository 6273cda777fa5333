import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Sharding } from '@sherd/core'
import { type RequestOptions, shardErrorHandler, shardMiddleware } from '@sherd/express'
import type { Application, ErrorRequestHandler, Request } from 'express'
import { onTestFinished } from 'vitest'
import { until } from '../../../core/test/support/until.ts'
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

export class RunningApplication {
  readonly server: Server
  readonly port: number
  readonly url: string

  constructor(server: Server) {
    this.server = server
    this.port = (server.address() as AddressInfo).port
    this.url = `http://127.0.0.1:${this.port}`
  }

  /** A request of a tenant; `fetch` keeps as many sockets as are needed at once. */
  ask(path: string, tenant?: string, init: RequestInit = {}): Promise<globalThis.Response> {
    const headers = { ...init.headers, ...(tenant === undefined ? {} : { 'x-tenant-id': tenant }) }
    return fetch(`${this.url}${path}`, { ...init, headers })
  }

  /** The JSON of an answer. */
  async json<T = unknown>(path: string, tenant?: string, init?: RequestInit): Promise<T> {
    return (await this.ask(path, tenant, init)).json() as Promise<T>
  }
}

/** What a shard's pool for writing holds now. */
export function poolOf(sharding: Sharding, shard = 'shard_0') {
  const stats = sharding.stats().shards[shard]
  if (stats === undefined) throw new Error(`no shard ${shard}`)
  return stats.writing
}

/** Settles when nothing is lent and nobody waits: the law that holds after every test. */
export async function atRest(sharding: Sharding, withinMs?: number): Promise<void> {
  await until(
    () =>
      Object.values(sharding.stats().shards).every(({ writing, reading }) =>
        [writing, reading].every(({ active, waiting }) => active === 0 && waiting === 0),
      ),
    withinMs,
  )
}
