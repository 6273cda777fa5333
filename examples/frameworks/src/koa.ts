import { Readable } from 'node:stream'
import { bindScope } from '@sherd/core'
import type { Problem, RequestOptions } from '@sherd/core/adapter'
import { HEADERS_OF_ANOTHER_BODY, prepareRequests, problemFor, withNodeRequest } from '@sherd/core/adapter'
import type { Context, Middleware } from 'koa'

/** Takes each request to its tenant's shard, on one connection. Mount it after authentication. */
export function shardMiddleware(options: RequestOptions<Context> = {}): Middleware {
  prepareRequests(options)
  return async (ctx, next) => {
    const host = {
      request: ctx,
      req: ctx.req,
      res: ctx.res,
      get isAnswered() {
        return ctx.headerSent
      },
      answer: (problem: Problem) => answer(ctx, problem),
      // For reports, where @koa/router is used.
      get route() {
        return ctx['_matchedRoute']
      },
    }
    await withNodeRequest(host, options, async () => {
      try {
        await next()
        // Koa begins to read it behind all middlewares.
        if (ctx.body instanceof Readable) ctx.body._read = bindScope(ctx.body._read)
      } catch (error) {
        // Such as a connection that could not be had for a query in a route.
        const problem = problemFor(ctx.req, error)
        if (problem === undefined || ctx.headerSent) throw error
        answer(ctx, problem)
      }
    })
  }
}

function answer(ctx: Context, { status, headers, body }: Problem): void {
  for (const name of HEADERS_OF_ANOTHER_BODY) ctx.remove(name)
  ctx.body = body
  ctx.status = status
  ctx.set(headers)
}
