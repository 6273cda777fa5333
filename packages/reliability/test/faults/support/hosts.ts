import { once } from 'node:events'
import type { Server } from 'node:http'
import type { Sharding } from '@sherd/core'
import type { RequestOptions } from '@sherd/core/adapter'
import { shardErrorHandler, shardMiddleware } from '@sherd/express'
import { shardPlugin } from '@sherd/fastify'
import express, { type ErrorRequestHandler } from 'express'
import fastify from 'fastify'

/** What a handler may know, whatever the framework: what it returns is the answer, as JSON. */
export interface Asked {
  readonly query: Readonly<Record<string, string>>
}

export type Handler = (asked: Asked) => unknown

export interface HostOptions {
  readonly sharding: Sharding
  readonly options: Pick<RequestOptions<unknown>, 'checkout' | 'afterResponse' | 'onAbort' | 'onUnavailable'>
  /** By path, for every method. */
  readonly routes: Readonly<Record<string, Handler>>
}

export interface Host {
  readonly server: Server
  /** Ends all connections, and listens no more. */
  close(): Promise<void>
}

export type Framework = 'Express' | 'Fastify'

const TENANT = { tenant: { header: 'x-tenant-id' } } as const

/** The rest is for the application: the tests see its code. */
const lastResort: ErrorRequestHandler = (error, _req, res, _next) => {
  if (res.headersSent) res.destroy()
  else res.status(500).json({ code: error.code ?? String(error) })
}

export const hosts: Readonly<Record<Framework, (options: HostOptions) => Promise<Host>>> = {
  async Express({ sharding, options, routes }) {
    const app = express()
    app.use(shardMiddleware({ ...TENANT, ...options, sharding }))
    for (const [path, handler] of Object.entries(routes))
      app.all(path, async (req, res) => res.json(await handler({ query: req.query as Asked['query'] })))
    app.use(shardErrorHandler(), lastResort)
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      server,
      async close() {
        server.closeAllConnections()
        server.close()
        await once(server, 'close')
      },
    }
  },

  async Fastify({ sharding, options, routes }) {
    const app = fastify({ forceCloseConnections: true })
    await app.register(shardPlugin, { ...TENANT, ...options, sharding })
    for (const [path, handler] of Object.entries(routes))
      app.all(path, async (request, reply) => {
        const answer = await handler({ query: request.query as Asked['query'] })
        return reply.type('application/json').send(JSON.stringify(answer ?? null))
      })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return {
      server: app.server,
      async close() {
        app.server.closeAllConnections()
        await app.close()
      },
    }
  },
}
