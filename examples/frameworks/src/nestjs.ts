import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ArgumentsHost, Catch } from '@nestjs/common'
import { BaseExceptionFilter } from '@nestjs/core'
import { ShardingError } from '@sherd/core'
import { answerProblem, bindNodeRequest, prepareRequests, type RequestOptions } from '@sherd/core/adapter'
import type { Request, RequestHandler } from 'express'

/** `app.use(shardMiddleware())`: takes each request to its tenant's shard, on one connection. */
export function shardMiddleware(options: RequestOptions<Request> = {}): RequestHandler {
  prepareRequests(options)
  return (req, res, next) => bindNodeRequest(req, res, options, next, ({ route }) => route?.path)
}

/**
 * `app.useGlobalFilters(new ShardErrorFilter(app.getHttpAdapter()))`: answers errors of Sherd that come from controllers,
 * such as a connection that could not be had for a query.
 */
@Catch(ShardingError)
export class ShardErrorFilter extends BaseExceptionFilter<ShardingError> {
  override catch(error: ShardingError, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    const req = http.getRequest<IncomingMessage>()
    if (!answerProblem(req, http.getResponse<ServerResponse>(), error)) super.catch(error, host)
  }
}
