import type { Server } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { serve } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { describeHost, type HostRequest, type HostResponse, type Route } from '@sherd/conformance'
import { type Context, Hono } from 'hono'
import { type ShardEnv, shardErrors, shardMiddleware } from '../src/hono.ts'
import { answered } from './answered.ts'
import { listening } from './listening.ts'
import { optionsFor } from './options-for.ts'

type Ctx = Context<ShardEnv>

describeHost('Hono', ({ options, routes, groups = [], authenticate, beforeBody, whileParsing, onError }) => {
  const app = new Hono<ShardEnv>()
  app.use(async (c, next) => {
    authenticate?.(requestOf(c))
    const { user } = requestOf(c) as { user?: unknown }
    Object.assign(c, { user })
    await next()
  })
  if (options !== undefined) app.use(shardMiddleware(optionsFor(options, requestOf)))
  app.use(async (c, next) => {
    await beforeBody?.(requestOf(c))
    const request = Object.assign(requestOf(c), { body: await parsedBody(c) })
    if (/json$|urlencoded/.test(c.req.header('content-type') ?? '')) whileParsing?.(request)
    await next()
  })
  const otherwise = (error: unknown, c: Ctx) =>
    c.json({ code: (error as { code?: string }).code ?? String(error) }, 500)
  app.onError(
    onError === undefined
      ? shardErrors(otherwise)
      : (error, c) => answered((answer) => onError(error, requestOf(c), responseOf(c, answer))),
  )
  mount(app, routes)
  for (const { prefix, options: inside, routes: those } of groups) {
    const group = new Hono<ShardEnv>()
    group.use(shardMiddleware(optionsFor(inside, requestOf)))
    mount(group, those)
    app.route(prefix, group)
  }
  return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
})

function mount(app: Hono<ShardEnv>, routes: readonly Route[]): void {
  for (const { method, path, handler } of routes) {
    const verb = method.toLowerCase() as 'get' | 'post' | 'all'
    app[verb](path, (c) => answered<Response>((answer) => handler(requestOf(c), responseOf(c, answer))))
  }
}

async function parsedBody(c: Ctx): Promise<unknown> {
  const type = c.req.header('content-type') ?? ''
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return undefined
  if (type.includes('x-ndjson')) return Readable.fromWeb(c.req.raw.body as ReadableStream)
  if (type.includes('json')) return c.req.json()
  return /urlencoded|multipart/.test(type) ? c.req.parseBody() : c.req.text()
}

const requests = new WeakMap<object, HostRequest>()

/** One object for each request, as the contract's applications leave things on it. */
function requestOf(c: Ctx): HostRequest {
  const { incoming } = c.env
  let request = requests.get(incoming)
  if (request === undefined) {
    request = {
      headers: incoming.headers,
      get params() {
        return c.req.param()
      },
      get shard() {
        return c.get('shard')
      },
    }
    requests.set(incoming, request)
  }
  return request
}

function responseOf(c: Ctx, answer: (response: Response) => void): HostResponse {
  return {
    json: (value) => answer(c.body(JSON.stringify(value), 200, { 'content-type': 'application/json' })),
    stream: (body) => answer(c.body(Readable.toWeb(body) as globalThis.ReadableStream)),
    bare() {
      answer(RESPONSE_ALREADY_SENT)
      return c.env.outgoing
    },
  }
}
