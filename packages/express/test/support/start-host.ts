import { once } from 'node:events'
import type { HostApp, HostResponse, Route, StartApp } from '@sherd/conformance'
import { shardErrorHandler, shardMiddleware } from '@sherd/express'
import type { ErrorRequestHandler, IRouter, RequestHandler, Response } from 'express'
import multer from 'multer'
import { onTestFinished } from 'vitest'
import { lastResort } from './application.ts'
import type { Express } from './express-versions.ts'
import { route } from './route.ts'

/** Makes applications of the contract with a version of Express. */
export function startHost(express: Express): StartApp {
  return async ({ options, routes, groups = [], authenticate, beforeBody, whileParsing, onError }) => {
    const app = express()
    if (authenticate !== undefined) app.use(awaited(authenticate))
    if (options !== undefined) app.use(shardMiddleware(options))
    if (beforeBody !== undefined) app.use(awaited(beforeBody))
    const verify = { verify: (req: unknown) => whileParsing?.(req as Parameters<typeof whileParsing>[0]) }
    app.use(express.json(verify), express.urlencoded({ extended: false, ...verify }))
    app.use(express.text(), express.raw(), multer().any())
    mount(app, routes)
    for (const { prefix, options: inside, routes: those } of groups) {
      const router = express.Router()
      router.use(shardMiddleware(inside))
      mount(router, those)
      app.use(prefix, router)
    }
    if (onError === undefined) app.use(shardErrorHandler(), lastResort)
    else app.use(errorHandler(onError))
    const server = app.listen(0, '127.0.0.1')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    await once(server, 'listening')
    return server
  }
}

function mount(router: IRouter, routes: readonly Route[]): void {
  for (const { method, path, handler } of routes) {
    const verb = method.toLowerCase() as 'get' | 'post' | 'all'
    router[verb](
      path,
      route((req, res) => handler(req, hostResponse(res))),
    )
  }
}

function hostResponse(res: Response): HostResponse {
  return {
    json: (value) => void res.json(value),
    stream: (body) => void body.pipe(res),
    bare: () => res,
  }
}

function awaited(fn: NonNullable<HostApp['beforeBody']>): RequestHandler {
  return (req, _res, next) => {
    Promise.resolve(fn(req)).then(() => next(), next)
  }
}

function errorHandler(fn: NonNullable<HostApp['onError']>): ErrorRequestHandler {
  return (error, req, res, next) => {
    Promise.resolve(fn(error, req, hostResponse(res))).catch(next)
  }
}
