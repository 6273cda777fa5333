import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import Router from '@koa/router'
import { describeHost, type HostApp, type HostRequest, type HostResponse } from '@sherd/conformance'
import { problemFor, type RequestOptions, shardOf } from '@sherd/core/adapter'
import Koa, { type Context, type Middleware } from 'koa'
import multer from 'multer'
import { shardMiddleware } from '../src/koa.ts'
import { answered } from './answered.ts'
import { listening } from './listening.ts'

describeHost('Koa', ({ options, routes, beforeBody, whileParsing, onError }) => {
  const app = new Koa()
  app.silent = true
  const errors = answerErrors(onError)
  // Outside of every scope for what the middleware refuses, inside for what routes throw.
  app.use(errors)
  app.use(shardMiddleware(options as RequestOptions<unknown>))
  if (onError !== undefined) app.use(errors)
  app.use(async (ctx, next) => {
    await beforeBody?.(requestOf(ctx))
    await next()
  })
  app.use(async (ctx, next) => {
    const kind = ctx.is('json', 'urlencoded')
    const parsed = ctx.is('multipart') ? await parseMultipart(ctx) : parse(await text(ctx.req), kind)
    if (kind) whileParsing?.(requestOf(ctx))
    Object.assign(requestOf(ctx), { body: parsed })
    await next()
  })
  const router = new Router()
  for (const { method, path, handler } of routes) {
    const verb = method.toLowerCase() as 'get' | 'post' | 'all'
    router[verb](path, async (ctx) => {
      const answer = await answered<Answer>((to) =>
        handler(requestOf(ctx as Context), responseOf(ctx as Context, to)),
      )
      answer(ctx as Context)
    })
  }
  app.use(router.routes())
  return listening(app.listen(0, '127.0.0.1'))
})

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
