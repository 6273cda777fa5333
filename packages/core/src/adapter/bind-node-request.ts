import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Binding } from '../pool/binding.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import { runBound } from '../scope/scope-storage.ts'
import { answerProblem } from './answer-problem.ts'
import { locate } from './locate.ts'
import type { RequestOptions, RequestParts, RequestShard } from './request-options.ts'
import { planFor, type RequestPlan } from './request-plan.ts'
import { RequestScope } from './request-scope.ts'
import { type RequestState, requestState } from './request-state.ts'
import { whenAnswered } from './when-answered.ts'
import { isGone, whenGone } from './when-gone.ts'

type Next = (error?: unknown) => void
/** Frameworks that strip a mount path from `url` keep the whole here. */
type NodeRequest = IncomingMessage & { originalUrl?: string; shard?: RequestShard }

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
  new NodeRequestBinding(req, res, planFor(options), next).start()
}

class NodeRequestBinding<R extends IncomingMessage> {
  readonly #req: R & NodeRequest
  readonly #res: ServerResponse
  readonly #parts: RequestParts
  readonly #next: Next
  readonly #state: RequestState
  /** Where the request is already, when this middleware stands behind another. */
  readonly #around: Binding<OpenScope> | undefined
  /** It was answered before it came here: what follows is work after the response. */
  readonly #wasAnswered: boolean
  #plan: RequestPlan<R>

  constructor(req: R & NodeRequest, res: ServerResponse, plan: RequestPlan<R>, next: Next) {
    this.#req = req
    this.#res = res
    this.#plan = plan
    this.#next = next
    this.#state = requestState(req)
    this.#around = this.#state.binding
    this.#wasAnswered = res.writableEnded
    const { method = 'GET', headers, rawHeaders } = req
    this.#parts = { method, url: req.originalUrl ?? req.url ?? '/', headers, rawHeaders }
  }

  start(): void {
    let located: Scope | undefined | Promise<Scope | undefined>
    try {
      located = runBound(this.#around, () => this.#locate())
    } catch (error) {
      this.#refuse(error)
      return
    }
    if (located instanceof Promise) {
      this.#continue(
        located,
        (scope) => this.#enter(scope),
        (error) => this.#refuse(error),
      )
    } else {
      this.#enter(located)
    }
  }

  #locate(): Scope | undefined | Promise<Scope | undefined> {
    this.#plan = this.#plan.forRequest(this.#req)
    this.#state.exposeShard = this.#plan.exposeShard && this.#state.exposeShard !== false
    return locate(this.#plan, this.#req, this.#parts, this.#around?.rules.value)
  }

  #enter(value: Scope | undefined): void {
    // The events that give a connection back have been emitted already when the client is gone.
    if (this.#isOver()) return
    if (value === undefined) {
      this.#goOn(this.#around)
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
      prepared = this.#wasAnswered ? undefined : scope.prepare(this.#parts.method, hasUnreadBody(this.#req))
    } catch (error) {
      fail(error)
      return
    }
    if (prepared === undefined) this.#run(scope)
    else this.#continue(prepared, () => this.#run(scope), fail)
  }

  #open(value: Scope): RequestScope | undefined {
    try {
      const scope = new RequestScope(this.#plan as RequestPlan<never>, value, this.#around)
      whenAnswered(this.#res, () => scope.answered())
      whenGone(this.#req, this.#res, () => {
        if (this.#res.writableEnded) scope.answered()
        else scope.aborted(this.#parts.method)
      })
      if (this.#wasAnswered) scope.answered()
      return scope
    } catch (error) {
      this.#refuse(error)
      return undefined
    }
  }

  #run(scope: RequestScope): void {
    // It may have left in the instant in which the connection came.
    if (this.#isOver()) {
      scope.discard()
      return
    }
    this.#state.binding = scope.binding
    this.#state.shard = scope.shard
    this.#req.shard = scope.shard
    this.#goOn(scope.binding)
  }

  /** Without a binding outside of every scope, even if the server was started inside one. */
  #goOn(binding: Binding<OpenScope> | undefined): void {
    runBound(binding, () => this.#next())
  }

  #refuse(error: unknown): void {
    if (this.#isOver()) return
    const { onUnavailable } = this.#plan
    if (onUnavailable === 'respond' && answerProblem(this.#req, this.#res, error)) return
    runBound(this.#around, () => this.#next(error))
  }

  /** What `next` throws later than the caller could catch it is uncaught, as from any callback. */
  #continue<T>(promise: Promise<T>, done: (value: T) => void, failed: (error: unknown) => void): void {
    promise.then(done, failed).catch((error) => {
      process.nextTick(() => {
        throw error
      })
    })
  }

  #isOver(): boolean {
    return !this.#wasAnswered && (this.#res.writableEnded || isGone(this.#req, this.#res))
  }
}

function hasUnreadBody({ headers, complete, readableEnded }: IncomingMessage): boolean {
  if (complete || readableEnded) return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
