import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Binding } from '../pool/binding.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import { runBound } from '../scope/scope-storage.ts'
import { locate } from './locate.ts'
import { toProblem } from './problem.ts'
import type { RequestOptions, RequestParts, RequestShard } from './request-options.ts'
import { planFor, type RequestPlan } from './request-plan.ts'
import { RequestScope } from './request-scope.ts'
import { whenAnswered } from './when-answered.ts'

type Next = (error?: unknown) => void
/** Frameworks that strip a mount path from `url` keep the whole here. */
type NodeRequest = IncomingMessage & { originalUrl?: string; shard?: RequestShard }

/** Scopes of requests under way, for a middleware that stands behind another one. */
const bindings = new WeakMap<IncomingMessage, Binding<OpenScope>>()

/**
 * Runs `next` in the scope of the request's tenant, on one connection, and ties both to the response: they end when
 * the response does or when the client goes away. Refuses with 400, 404 or 503 when there is no such scope or no
 * connection. A request without a tenant runs outside of every scope.
 */
export function bindNodeRequest<R extends IncomingMessage>(
  req: R,
  res: ServerResponse,
  options: RequestOptions<R>,
  next: Next,
): void {
  new NodeRequestBinding(req, res, planFor(options), next).start()
}

class NodeRequestBinding<R extends IncomingMessage> {
  readonly #req: R & NodeRequest
  readonly #res: ServerResponse
  readonly #parts: RequestParts
  readonly #next: Next
  readonly #around: Binding<OpenScope> | undefined
  #plan: RequestPlan<R>

  constructor(req: R & NodeRequest, res: ServerResponse, plan: RequestPlan<R>, next: Next) {
    this.#req = req
    this.#res = res
    this.#plan = plan
    this.#next = next
    this.#around = bindings.get(req)
    const { method = 'GET', headers, rawHeaders } = req
    this.#parts = { method, url: req.originalUrl ?? req.url ?? '/', headers, rawHeaders }
  }

  start(): void {
    let located: Scope | undefined | Promise<Scope | undefined>
    try {
      this.#plan = this.#plan.forRequest(this.#req)
      located = this.#plan.isSkipped(this.#req, this.#parts)
        ? this.#around?.rules.value
        : locate(this.#plan, this.#req, this.#parts, this.#around?.rules.value)
    } catch (error) {
      this.#refuse(error)
      return
    }
    if (located instanceof Promise) {
      located.then(
        (scope) => this.#enter(scope),
        (error) => this.#refuse(error),
      )
    } else {
      this.#enter(located)
    }
  }

  #enter(value: Scope | undefined): void {
    // The events that give a connection back have been emitted already when the client is gone.
    if (this.#isGone()) return
    if (value === undefined) {
      this.#goOn(undefined)
      return
    }
    const scope = this.#open(value)
    if (scope === undefined) return
    const fail = (error: unknown) => {
      scope.discard()
      this.#refuse(error)
    }
    let prepared: Promise<void> | undefined
    try {
      prepared = scope.prepare(hasUnreadBody(this.#req))
    } catch (error) {
      fail(error)
      return
    }
    if (prepared === undefined) this.#run(scope)
    else prepared.then(() => this.#run(scope), fail)
  }

  #open(value: Scope): RequestScope | undefined {
    try {
      const scope = new RequestScope(this.#plan as RequestPlan<never>, value, this.#around)
      whenAnswered(this.#res, () => scope.answered())
      // Fires in every case: an answer, a client that leaves, a handler that never answers, a socket taken over.
      this.#res.once('close', () => {
        if (this.#res.writableEnded) scope.answered()
        else scope.aborted(this.#parts.method)
      })
      return scope
    } catch (error) {
      this.#refuse(error)
      return undefined
    }
  }

  #run(scope: RequestScope): void {
    // It may have left in the instant in which the connection came.
    if (this.#isGone()) {
      scope.discard()
      return
    }
    bindings.set(this.#req, scope.binding)
    this.#req.shard = scope.shard
    this.#goOn(scope.binding)
  }

  /** Without a binding outside of every scope, even if the server was started inside one. */
  #goOn(binding: Binding<OpenScope> | undefined): void {
    runBound(binding, () => this.#next())
  }

  #refuse(error: unknown): void {
    if (this.#isGone()) return
    const { onUnavailable, exposeShard } = this.#plan
    const problem =
      onUnavailable === 'respond' && !this.#res.headersSent ? toProblem(error, { exposeShard }) : undefined
    if (problem === undefined) {
      runBound(this.#around, () => this.#next(error))
      return
    }
    this.#res.writeHead(problem.status, problem.headers)
    this.#res.end(JSON.stringify(problem.body))
  }

  #isGone(): boolean {
    return this.#res.closed || this.#res.destroyed
  }
}

function hasUnreadBody({ headers, complete, readableEnded }: IncomingMessage): boolean {
  if (complete || readableEnded) return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
