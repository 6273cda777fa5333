import { bindNodeRequest, prepareRequests, type RequestOptions, type RequestShard } from '@sherd/core/adapter'
import type { Request, RequestHandler } from 'express'

declare global {
  namespace Express {
    interface Request {
      /** Where this request is connected; undefined when it runs unscoped. */
      shard?: RequestShard
    }
  }
}

/**
 * Takes each request to its tenant's shard, on one connection, and answers 400, 404 or 503 when that cannot be.
 * Mount it after authentication, for a tenant id in a request identifies and does not authorise, and before or after
 * body parsers: with a body still to be read the connection is taken with the first query.
 *
 * @throws ConfigInvalidError and TypeError, when the configuration or an option cannot be used
 */
export function shardMiddleware(options: RequestOptions<Request> = {}): RequestHandler {
  prepareRequests(options)
  return function shard(req, res, next) {
    bindNodeRequest(req, res, options, next, routeOf)
  }
}

/** Express knows it when the request has come there; mount paths are part of it as they were sent. */
function routeOf({ baseUrl, route }: Request): string | undefined {
  return typeof route?.path === 'string' ? baseUrl + route.path : undefined
}
