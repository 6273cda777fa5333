import type { Server } from 'node:http'
import { Readable } from 'node:stream'
import { serve } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { describeHost, type HostRequest, type HostResponse } from '@sherd/conformance'
import type { RequestOptions } from '@sherd/core/adapter'
import { type Context, Hono } from 'hono'
import { type ShardEnv, shardErrors, shardMiddleware } from '../src/hono.ts'
import { answered } from './answered.ts'
import { listening } from './listening.ts'

type Ctx = Context<ShardEnv>

describeHost('Hono', ({ options, routes, beforeBody, whileParsing, onError }) => {
  const app = new Hono<ShardEnv>()
  app.use(shardMiddleware(options as RequestOptions<unknown>))
  app.use(async (c, next) => {
    await beforeBody?.(requestOf(c))
    const body = await parsedBody(c)
    const request = Object.assign(requestOf(c), { body })
    if (/json|urlencoded/.test(c.req.header('content-type') ?? '')) whileParsing?.(request)
    await next()
  })
  const otherwise = (error: unknown, c: Ctx) =>
    c.json({ code: (error as { code?: string }).code ?? String(error) }, 500)
  app.onError(
    onError === undefined
      ? shardErrors(otherwise)
      : (error, c) => answered((answer) => onError(error, requestOf(c), responseOf(c, answer))),
  )
  for (const { method, path, handler } of routes) {
    const verb = method.toLowerCase() as 'get' | 'post' | 'all'
    app[verb](path, (c) => answered<Response>((answer) => handler(requestOf(c), responseOf(c, answer))))
  }
  return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
})

async function parsedBody(c: Ctx): Promise<unknown> {
  const type = c.req.header('content-type') ?? ''
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return undefined
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
    stream: (body) => answer(c.body(Readable.toWeb(body) as ReadableStream)),
    bare() {
      answer(RESPONSE_ALREADY_SENT)
      return c.env.outgoing
    },
  }
}
