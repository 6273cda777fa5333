import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendProblem } from './answer-problem.ts'
import { goOnIn, type Next, type NodeHost, NodeRequestBinding } from './node-request-binding.ts'
import type { RequestOptions, RequestShard } from './request-options.ts'
import { planFor } from './request-plan.ts'
import { requestState } from './request-state.ts'

/**
 * Runs `next` in the scope of the request's tenant, on one connection, and ties both to the response: they end when
 * the response does or when the client goes away. Refuses with 400, 404 or 503 when there is no such scope or no
 * connection. A request without a tenant runs outside of every scope.
 *
 * When the client has gone before, or somebody else has answered meanwhile, `next` is not called.
 */
export function bindNodeRequest<R extends IncomingMessage>(
  req: R,
  res: ServerResponse,
  options: RequestOptions<R>,
  next: Next,
): void {
  const host: NodeHost<R> = {
    request: req,
    req,
    res,
    get isAnswered() {
      return res.headersSent
    },
    answer: (problem) => sendProblem(res, problem),
  }
  new NodeRequestBinding(host, planFor(options), hasUnreadBody(req), next).start()
}

/**
 * The first half of {@link bindNodeRequest}, for frameworks that read and check bodies between their hooks: runs
 * `next` in the scope, but with `checkout: 'auto'` leaves the connection to {@link checkOutNodeRequest}. One that
 * cannot be hoped for is refused here already.
 */
export function enterNodeRequest<R>(host: NodeHost<R>, options: RequestOptions<R>, next: Next): void {
  new NodeRequestBinding(host, planFor(options), true, next).start()
}

/**
 * The second half: takes the connection if {@link enterNodeRequest} has left that open, and runs `next` in the scope.
 * Where a request has been entered more than once the innermost scope has its connection taken, and no other.
 */
export function checkOutNodeRequest(req: IncomingMessage, next: Next): void {
  const state = requestState(req)
  const { binding, checkOut } = state
  delete state.checkOut
  if (checkOut === undefined) goOnIn(binding, next)
  else checkOut(next)
}

/** Where it is connected: undefined while it runs unscoped. */
export function shardOf(req: IncomingMessage): RequestShard | undefined {
  return requestState(req).shard
}

function hasUnreadBody({ headers, complete, readableEnded }: IncomingMessage): boolean {
  if (complete || readableEnded) return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
