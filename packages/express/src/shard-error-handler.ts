import { answerProblem } from '@sherd/core/adapter'
import type { ErrorRequestHandler } from 'express'

export interface ShardErrorHandlerOptions {
  /** Name the shard in 503 answers. @default as the request's `shardMiddleware` says */
  readonly exposeShard?: boolean
}

/**
 * Answers 400, 404 and 503 to errors of Sherd that reach it, such as a connection that could not be had for a query in
 * the handler. Every other error goes on, mistakes of the programmer (500) included. Mount it behind the routes.
 */
export function shardErrorHandler(options: ShardErrorHandlerOptions = {}): ErrorRequestHandler {
  return function shardError(error, req, res, next) {
    if (!answerProblem(req, res, error, options)) next(error)
  }
}
