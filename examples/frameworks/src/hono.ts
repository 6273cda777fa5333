import type { HttpBindings } from '@hono/node-server'
import type { Problem, RequestOptions, RequestShard } from '@sherd/core/adapter'
import { prepareRequests, problemFor, shardOf, withNodeRequest } from '@sherd/core/adapter'
import type { Context, Env, ErrorHandler, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'

/** Of an application on Node.js: `new Hono<ShardEnv>()`. */
export interface ShardEnv extends Env {
  Bindings: HttpBindings
  /** Where the request is connected; undefined when it runs unscoped. */
  Variables: { shard: RequestShard | undefined }
}

type Options = RequestOptions<Context<ShardEnv>>

/** Takes each request to its tenant's shard, on one connection. Use it behind authentication. */
export function shardMiddleware(options: Options = {}): MiddlewareHandler<ShardEnv> {
  prepareRequests(options)
  return async (c, next) => {
    const { incoming: req, outgoing: res } = c.env
    const host = {
      ...{ request: c, req, res, answer },
      get isAnswered() {
        return c.finalized
      },
      // For reports, once it is known.
      get route() {
        return routePath(c, -1)
      },
    }
    const response = await withNodeRequest(host, options, async () => {
      c.set('shard', shardOf(req))
      await next()
      return c.res
    })
    return response ?? new Response(null, { status: 499 }) // the client has gone
  }
}

/** `app.onError(shardErrors(…))`: answers errors of Sherd that come from handlers, and leaves others to `otherwise`. */
export function shardErrors(otherwise: ErrorHandler<ShardEnv>): ErrorHandler<ShardEnv> {
  return (error, c) => {
    const problem = problemFor(c.env.incoming, error)
    return problem === undefined ? otherwise(error, c) : answer(problem)
  }
}

function answer({ status, headers, body }: Problem): Response {
  return new Response(JSON.stringify(body), { status, headers })
}
