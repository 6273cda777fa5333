import type { IncomingMessage, ServerResponse } from 'node:http'
import { BareHost } from './bare-host.ts'
import { goOnIn, type Next, type NodeHost, NodeRequestBinding, type Outcome } from './node-request-binding.ts'
import type { RequestOptions, RequestShard } from './request-options.ts'
import { planFor } from './request-plan.ts'
import { requestState } from './request-state.ts'

/**
 * Runs `next` in the scope of the request's tenant, on one connection, and ties both to the response: they end when
 * the response does or when the client goes away. Refuses with 400, 404 or 503 when there is no such scope or no
 * connection. A request without a tenant runs outside of every scope.
 *
 * When the client has gone before, or somebody else has answered meanwhile, `next` is not called. `routeOf` is asked for
 * reports: the pattern of the route that serves the request, once it is known.
 */
export function bindNodeRequest<R extends IncomingMessage>(
  req: R,
  res: ServerResponse,
  options: RequestOptions<R>,
  next: Next,
  routeOf?: (req: R) => string | undefined,
): void {
  const host = new BareHost(req, res, routeOf)
  new NodeRequestBinding(host, planFor(options), hasUnreadBody(req), outcomeOf(host, next)).start()
}

/**
 * {@link bindNodeRequest} for frameworks in which the rest of the request is a promise: runs `fn` in the scope and
 * resolves to what it resolves to, or, where the request is refused, to what the host's `answer` returns. Resolves to
 * undefined when the client has gone before, or somebody else has answered meanwhile: `fn` is not called then.
 *
 * Rejects with what `fn` rejects with, and with errors that are for the framework's own error handling.
 */
export function withNodeRequest<R, T, Answer>(
  host: NodeHost<R, Answer>,
  options: RequestOptions<R>,
  fn: () => Promise<T>,
): Promise<T | Answer | undefined> {
  return new Promise((resolve, reject) => {
    const outcome: Outcome = {
      next: (error) => {
        if (error === undefined) handled(host.req, fn).then(resolve, reject)
        else reject(error)
      },
      answer: (problem) => resolve(host.answer(problem)),
      over: () => resolve(undefined),
    }
    new NodeRequestBinding(host, planFor(options), hasUnreadBody(host.req), outcome).start()
  })
}

/** What a handler has not written by its end is not written in this request. */
async function handled<T>(req: IncomingMessage, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn()
  } finally {
    requestState(req).writes?.handled()
  }
}

/**
 * The first half of {@link bindNodeRequest}, for frameworks that read and check bodies between their hooks: runs
 * `next` in the scope, but with `checkout: 'auto'` leaves the connection to {@link checkOutNodeRequest}. One that
 * cannot be hoped for is refused here already.
 */
export function enterNodeRequest<R>(host: NodeHost<R>, options: RequestOptions<R>, next: Next): void {
  new NodeRequestBinding(host, planFor(options), true, outcomeOf(host, next)).start()
}

/**
 * The second half: takes the connection if {@link enterNodeRequest} has left that open, and runs `next` in the scope.
 * Where a request has been entered more than once the innermost scope has its connection taken, and no other.
 */
export function checkOutNodeRequest(req: IncomingMessage, next: Next): void {
  const state = requestState(req)
  const { binding, checkOut } = state
  state.checkOut = undefined
  if (checkOut === undefined) goOnIn(binding, next)
  else checkOut(next)
}

/** Where it is connected: undefined while it runs unscoped. */
export function shardOf(req: IncomingMessage): RequestShard | undefined {
  return requestState(req).shard
}

function outcomeOf<R>(host: NodeHost<R>, next: Next): Outcome {
  return { next, answer: (problem) => host.answer(problem), over: () => {} }
}

function hasUnreadBody(req: IncomingMessage): boolean {
  const { headers } = req
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  return hasBody && !req.complete && !req.readableEnded
}
