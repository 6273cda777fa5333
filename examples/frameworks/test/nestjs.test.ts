import 'reflect-metadata'
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import {
  All,
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Module,
  Post,
  Req,
  Res,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import {
  describeHost,
  type HostApp,
  type HostRequest,
  type HostResponse,
  type Route,
} from '@sherd/conformance'
import type { ShardingError } from '@sherd/core'
import { toProblem } from '@sherd/core/adapter'
import express, { type Request, type RequestHandler, type Response } from 'express'
import multer from 'multer'
import { onTestFinished } from 'vitest'
import { ShardErrorFilter, shardMiddleware } from '../src/nestjs.ts'

describeHost(
  'NestJS',
  async ({ options, routes, groups = [], authenticate, beforeBody, whileParsing, onError }) => {
    const controllers = groups.map(({ prefix, routes: those }) => controllerOf(those, prefix))
    @Module({ controllers: [controllerOf(routes, ''), ...controllers] })
    class App {}
    const app = await NestFactory.create<NestExpressApplication>(App, { logger: false, bodyParser: false })
    if (authenticate !== undefined) app.use(awaited(authenticate))
    if (options !== undefined) app.use(shardMiddleware(options))
    if (beforeBody !== undefined) app.use(awaited(beforeBody))
    const verify = { verify: (req: unknown) => whileParsing?.(req as HostRequest) }
    app.use(express.json(verify), express.urlencoded({ extended: false, ...verify }))
    app.use(express.text(), express.raw(), multer().any())
    for (const { prefix, options: inside } of groups) app.use(prefix, shardMiddleware(inside))
    app.useGlobalFilters(new ShardErrorFilter(app.getHttpAdapter()), new LastResort(app.getHttpAdapter()))
    if (onError !== undefined) app.useGlobalFilters(new ApplicationFilter(onError))
    await app.listen(0, '127.0.0.1')
    const server = app.getHttpServer()
    onTestFinished(async () => {
      server.closeAllConnections()
      await app.close()
    })
    return server
  },
)

function awaited(fn: NonNullable<HostApp['beforeBody']>): RequestHandler {
  return (req, _res, next) => {
    Promise.resolve(fn(req)).then(() => next(), next)
  }
}

/** A controller with these routes, decorated by hand since they are not known before. */
function controllerOf(routes: readonly Route[], prefix: string) {
  class Routes {}
  const decorators = { GET: Get, POST: Post, ALL: All }
  for (const [index, { method, path, handler }] of routes.entries()) {
    const name = `route${index}`
    const value = (req: Request, res: Response) => handler(req, responseOf(res))
    const descriptor = { value, configurable: true }
    Object.defineProperty(Routes.prototype, name, descriptor)
    decorators[method](path)(Routes.prototype, name, descriptor)
    Req()(Routes.prototype, name, 0)
    Res()(Routes.prototype, name, 1)
  }
  Controller(prefix)(Routes)
  return Routes
}

@Catch()
class ApplicationFilter implements ExceptionFilter {
  readonly #onError: NonNullable<HostApp['onError']>

  constructor(onError: NonNullable<HostApp['onError']>) {
    this.#onError = onError
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    Promise.resolve(this.#onError(error, http.getRequest(), responseOf(http.getResponse()))).catch(
      http.getNext(),
    )
  }
}

/** Shows the code of mistakes, too, so that tests see it. */
@Catch()
class LastResort extends ShardErrorFilter {
  override catch(error: ShardingError, host: ArgumentsHost): void {
    const res = host.switchToHttp().getResponse<Response>()
    if (toProblem(error) !== undefined) super.catch(error, host)
    else if (res.headersSent) res.destroy()
    else res.status(500).json({ code: error.code ?? String(error) })
  }
}

function responseOf(res: Response): HostResponse {
  return {
    json: (value) => void res.json(value),
    stream: (body: Readable) => void body.pipe(res),
    bare: (): ServerResponse => res,
  }
}
