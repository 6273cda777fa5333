import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Binding } from '../pool/binding.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import { currentBinding, runBound } from '../scope/scope-storage.ts'
import { addHeadersTo } from './add-headers.ts'
import { problemFor } from './answer-problem.ts'
import { cameByTls } from './came-by-tls.ts'
import { locate } from './locate.ts'
import type { Problem } from './problem.ts'
import { recallWrites } from './recall-writes.ts'
import type { RequestParts } from './request-options.ts'
import type { RequestPlan } from './request-plan.ts'
import { RequestScope } from './request-scope.ts'
import { type RequestState, requestState } from './request-state.ts'
import { tellShard } from './tell-shard.ts'
import { isGone, whenOver } from './when-over.ts'

export type Next = (error?: unknown) => void
type Place = Pick<RequestState, 'binding' | 'shard'>

/** A request of a framework over Node's HTTP server, and how that framework answers it. */
export interface NodeHost<R, Answer = void> {
  /** What the functions among the options are called with. */
  readonly request: R
  /** Frameworks that strip a mount path from `url` keep the whole in `originalUrl`. */
  readonly req: IncomingMessage & { originalUrl?: string }
  readonly res: ServerResponse
  /** Whether the framework has begun to answer. */
  readonly isAnswered: boolean
  /** Pattern of the route that serves the request, such as `/projects/:id`, once it is known: for reports. */
  readonly route?: string | undefined
  /** The framework's own id of the request, where it gives one: for logs and events. */
  readonly requestId?: unknown
  answer(problem: Problem): Answer
}

/** What becomes of a request in a middleware: one of these is called, once. */
export interface Outcome {
  /** On to the handler, or with an error to the framework's error handling. */
  readonly next: Next
  readonly answer: (problem: Problem) => void
  /** Nothing is left to do: its client has gone, or somebody else has answered. */
  readonly over: () => void
}

/** One request on its way through one middleware. */
export class NodeRequestBinding<R> {
  readonly #host: NodeHost<R, unknown>
  readonly #parts: RequestParts
  readonly #state: RequestState
  /** Where the request is already, when this middleware stands behind another. */
  readonly #around: Place
  /** It was answered before it came here: what follows is work after the response. */
  readonly #wasAnswered: boolean
  readonly #waitsForBody: boolean
  /** It was answered, or its client has gone, since it is in its scope. */
  #isOver = false
  #plan: RequestPlan<R>
  #outcome: Outcome

  constructor(host: NodeHost<R, unknown>, plan: RequestPlan<R>, waitsForBody: boolean, outcome: Outcome) {
    const { req, res } = host
    this.#host = host
    this.#plan = plan
    this.#outcome = outcome
    this.#state = requestState(req)
    const { binding, shard } = this.#state
    this.#around = { binding, shard }
    this.#wasAnswered = res.writableEnded
    this.#waitsForBody = waitsForBody
    const { method = 'GET', headers, rawHeaders } = req
    const route = () => host.route
    const requestId = () => host.requestId
    this.#parts = { method, url: req.originalUrl ?? req.url ?? '/', headers, rawHeaders, route, requestId }
  }

  start(): void {
    let located: Scope | undefined | Promise<Scope | undefined>
    try {
      located = runBound(this.#around.binding, () => this.#locate())
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
    const { request } = this.#host
    this.#plan = this.#plan.forRequest(request)
    this.#state.exposeShard = this.#plan.exposeShard && this.#state.exposeShard !== false
    const located = locate(this.#plan, request, this.#parts, this.#around.binding?.rules.value)
    return located instanceof Promise ? located.then((value) => this.#recall(value)) : this.#recall(located)
  }

  /** Before the scope is entered, for it decides where that reads. */
  #recall(value: Scope | undefined): Scope | undefined | Promise<Scope> {
    if (value === undefined) return undefined
    const { request, req, res } = this.#host
    return recallWrites(value, {
      plan: this.#plan,
      req: request,
      parts: this.#parts,
      state: this.#state,
      isSecure: () => cameByTls(req),
      onFirst: (writes) => addHeadersTo(res, (isComplete) => writes.answering(isComplete)),
    })
  }

  #enter(value: Scope | undefined): void {
    // The events that give a connection back have been emitted already when the client is gone.
    if (this.#isTooLate()) {
      this.#outcome.over()
      return
    }
    if (value === undefined) {
      // Without a binding outside of every scope, even if the server was started inside one.
      runBound(this.#around.binding, () => this.#outcome.next())
      return
    }
    const scope = this.#open(value)
    if (scope !== undefined) this.#prepare(scope, this.#waitsForBody, () => this.#run(scope))
  }

  #open(value: Scope): RequestScope | undefined {
    const { req, res } = this.#host
    try {
      const scope = new RequestScope(
        this.#plan as RequestPlan<never>,
        value,
        this.#around.binding,
        this.#parts,
        this.#state.writes?.log,
      )
      if (this.#wasAnswered) {
        scope.answered()
        return scope
      }
      const answered = () => {
        this.#isOver = true
        scope.answered()
      }
      const gone = () => {
        this.#isOver = true
        if (res.writableEnded) scope.answered()
        else scope.aborted(this.#parts.method)
      }
      whenOver(req, res, { answered, gone })
      return scope
    } catch (error) {
      this.#refuse(error)
      return undefined
    }
  }

  #prepare(scope: RequestScope, waitsForBody: boolean, run: () => void): void {
    const fail = (error: unknown) => {
      scope.discard()
      this.#stand(this.#around)
      this.#refuse(error)
    }
    let prepared: Promise<void> | undefined
    try {
      prepared = this.#wasAnswered ? undefined : scope.prepare(this.#parts.method, waitsForBody)
    } catch (error) {
      fail(error)
      return
    }
    if (prepared === undefined) run()
    // It may have left in the instant in which the connection came.
    else this.#continue(prepared, () => this.#unlessOver(scope, run), fail)
  }

  #unlessOver(scope: RequestScope, run: () => void): void {
    const { req, res } = this.#host
    // One that is going has not told so yet; one that was answered before may go.
    if (this.#wasAnswered || !(this.#isOver || isGone(req, res))) run()
    else {
      scope.discard()
      this.#outcome.over()
    }
  }

  #run(scope: RequestScope): void {
    const mayCheckOut = this.#waitsForBody && this.#plan.checkout === 'auto'
    this.#stand(scope, mayCheckOut ? (next) => this.#checkOut(scope, next) : undefined)
    runBound(scope.binding, () => this.#outcome.next())
  }

  #checkOut(scope: RequestScope, next: Next): void {
    this.#outcome = { ...this.#outcome, next }
    this.#unlessOver(scope, () => this.#prepare(scope, false, () => goOnIn(scope.binding, next)))
  }

  /** Where those who come after find the request. */
  #stand({ binding, shard }: Place, checkOut?: (next: Next) => void): void {
    this.#state.binding = binding
    this.#state.shard = shard
    this.#state.checkOut = checkOut
    if (this.#host.request === this.#host.req) tellShard(this.#host.req, shard)
  }

  #refuse(error: unknown): void {
    if (this.#isTooLate()) {
      this.#outcome.over()
      return
    }
    const problem =
      this.#plan.onUnavailable === 'respond' && !this.#host.isAnswered
        ? problemFor(this.#host.req, error)
        : undefined
    runBound(this.#around.binding, () => {
      // To frameworks nothing thrown is nothing wrong.
      if (problem === undefined)
        this.#outcome.next(error || new TypeError(`Thrown in place of an error: ${error}`))
      else this.#outcome.answer(problem)
    })
  }

  /** What `next` throws later than the caller could catch it is uncaught, as from any callback. */
  #continue<T>(promise: Promise<T>, done: (value: T) => void, failed: (error: unknown) => void): void {
    promise.then(uncaught(done), uncaught(failed))
  }

  /** Nobody waits for an answer any more; where it came after one, nobody ever did. */
  #isTooLate(): boolean {
    const { req, res } = this.#host
    return !this.#wasAnswered && (res.writableEnded || isGone(req, res))
  }
}

function uncaught<A>(callback: (argument: A) => void): (argument: A) => void {
  return (argument) => {
    try {
      callback(argument)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}

/** Stays in a scope that has been opened inside of the request's; brings back the request's where it was lost. */
export function goOnIn(binding: Binding<OpenScope> | undefined, next: Next): void {
  if (binding === undefined || currentBinding() !== undefined) next()
  else runBound(binding, () => next())
}
