import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ArgumentsHost, Catch } from '@nestjs/common'
import { BaseExceptionFilter } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { ShardingError } from '@sherd/core'
import { answerProblem, bindNodeRequest, prepareRequests, type RequestOptions } from '@sherd/core/adapter'
import type { Request } from 'express'

/** Answers errors of Sherd that come from controllers, such as a connection that could not be had for a query. */
@Catch(ShardingError)
export class ShardErrorFilter extends BaseExceptionFilter<ShardingError> {
  override catch(error: ShardingError, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    const req = http.getRequest<IncomingMessage>()
    if (!answerProblem(req, http.getResponse<ServerResponse>(), error)) super.catch(error, host)
  }
}

/** Takes each request to its tenant's shard, on one connection. Call it behind `app.use(authentication)`. */
export function useShards(app: NestExpressApplication, options: RequestOptions<Request> = {}): void {
  prepareRequests(options)
  app.use((req: Request, res: ServerResponse, next: (error?: unknown) => void) => {
    bindNodeRequest(req, res, options, next)
  })
  app.useGlobalFilters(new ShardErrorFilter(app.getHttpAdapter()))
}
