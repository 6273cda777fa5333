import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendAnswer } from './answer.ts'
import type { NodeHost } from './node-request-binding.ts'
import type { Problem } from './problem.ts'

/**
 * A request whose framework hands on Node's own objects, such as Express. A class, for each request makes one, and a
 * literal with getters takes ten times as long.
 */
export class BareHost<R extends IncomingMessage> implements NodeHost<R> {
  readonly req: R
  readonly res: ServerResponse
  readonly #routeOf: ((req: R) => string | undefined) | undefined

  constructor(req: R, res: ServerResponse, routeOf: ((req: R) => string | undefined) | undefined) {
    this.req = req
    this.res = res
    this.#routeOf = routeOf
  }

  get request(): R {
    return this.req
  }

  get isAnswered(): boolean {
    return this.res.headersSent
  }

  get route(): string | undefined {
    return this.#routeOf?.(this.req)
  }

  /** Express has none of its own: whatever gives requests an id, such as pino-http, puts it there. */
  get requestId(): unknown {
    return (this.req as { id?: unknown }).id
  }

  answer(problem: Problem): void {
    sendAnswer(this.res, problem)
  }
}
