import {
  HEADERS_OF_ANOTHER_BODY,
  type Problem,
  prepareRequests,
  problemFor,
  type RequestOptions,
  withNodeRequest,
} from '@sherd/core/adapter'
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
    }
    const handle = () =>
      next().catch((error) => {
        // Such as a connection that could not be had for a query in a route.
        const problem = problemFor(ctx.req, error)
        if (problem === undefined || ctx.headerSent) throw error
        answer(ctx, problem)
      })
    await withNodeRequest(host, options, handle)
  }
}

function answer(ctx: Context, { status, headers, body }: Problem): void {
  for (const name of HEADERS_OF_ANOTHER_BODY) ctx.remove(name)
  ctx.body = body
  ctx.status = status
  ctx.set(headers)
}
