import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import Router, { type RouterMiddleware } from '@koa/router'
import {
  describeHost,
  type HostApp,
  type HostRequest,
  type HostResponse,
  type Route,
} from '@sherd/conformance'
import { problemFor, shardOf } from '@sherd/core/adapter'
import Koa, { type Context, type Middleware } from 'koa'
import multer from 'multer'
import { shardMiddleware } from '../src/koa.ts'
import { answered } from './answered.ts'
import { listening } from './listening.ts'
import { optionsFor } from './options-for.ts'

describeHost('Koa', ({ options, routes, groups = [], authenticate, beforeBody, whileParsing, onError }) => {
  const app = new Koa()
  app.silent = true
  app.use(async (ctx, next) => {
    authenticate?.(requestOf(ctx))
    const { user } = requestOf(ctx) as { user?: unknown }
    Object.assign(ctx, { user })
    await next()
  })
  const errors = answerErrors(onError)
  // Outside of every scope for what the middleware refuses, inside for what routes throw.
  app.use(errors)
  if (options !== undefined) app.use(shardMiddleware(optionsFor(options, requestOf)))
  if (onError !== undefined) app.use(errors)
  app.use(async (ctx, next) => {
    await beforeBody?.(requestOf(ctx))
    Object.assign(requestOf(ctx), { body: await bodyOf(ctx, whileParsing) })
    await next()
  })
  app.use(router(routes).routes())
  for (const { prefix, options: inside, routes: those } of groups) {
    const group = router(those, shardMiddleware(optionsFor(inside, requestOf)))
    app.use(group.prefix(prefix).routes())
  }
  return listening(app.listen(0, '127.0.0.1'))
})

function router(routes: readonly Route[], ...middlewares: Middleware[]): Router {
  const router = new Router()
  for (const middleware of middlewares) router.use(middleware as RouterMiddleware)
  for (const { method, path, handler } of routes) {
    const verb = method.toLowerCase() as 'get' | 'post' | 'all'
    router[verb](path, async (ctx) => {
      const koa = ctx as Context
      const answer = await answered<Answer>((to) => handler(requestOf(koa), responseOf(koa, to)))
      answer(koa)
    })
  }
  return router
}

async function bodyOf(ctx: Context, whileParsing: HostApp['whileParsing']): Promise<unknown> {
  if (ctx.is('multipart')) return await parseMultipart(ctx)
  if (ctx.is('application/x-ndjson')) return ctx.req
  const kind = ctx.is('json', 'urlencoded')
  const body = await text(ctx.req)
  if (kind) whileParsing?.(requestOf(ctx))
  return parse(body, kind)
}

const multipart = promisify(
  multer().any() as unknown as (req: object, res: object, done: (error?: unknown) => void) => void,
)

async function parseMultipart(ctx: Context): Promise<unknown> {
  await multipart(ctx.req, ctx.res)
  return (ctx.req as { body?: unknown }).body
}

function parse(body: string, kind: string | false | null): unknown {
  if (kind === 'json') return JSON.parse(body)
  return kind === 'urlencoded' ? Object.fromEntries(new URLSearchParams(body)) : body
}

function answerErrors(onError: HostApp['onError']): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (onError !== undefined) {
        const answer = await answered<Answer>((to) => onError(error, requestOf(ctx), responseOf(ctx, to)))
        answer(ctx)
        return
      }
      const problem = problemFor(ctx.req, error)
      ctx.body = problem?.body ?? { code: (error as { code?: string }).code ?? String(error) }
      ctx.status = problem?.status ?? 500
      ctx.set(problem?.headers ?? {})
    }
  }
}

/** One object for each request, as the contract's applications leave things on it. */
function requestOf(ctx: Context): HostRequest {
  ctx.state['request'] ??= {
    headers: ctx.headers,
    get params() {
      return ctx['params']
    },
    get shard() {
      return shardOf(ctx.req)
    },
  }
  return ctx.state['request']
}

/** What Koa is told when the route's promise resolves. */
type Answer = (ctx: Context) => void

function responseOf(ctx: Context, answer: (answer: Answer) => void): HostResponse {
  return {
    json: (value) =>
      answer((ctx) => {
        ctx.body = JSON.stringify(value)
        ctx.type = 'json'
      }),
    stream: (body) =>
      answer((ctx) => {
        ctx.body = body
      }),
    bare() {
      answer((ctx) => {
        ctx.respond = false
      })
      return ctx.res
    },
  }
}
