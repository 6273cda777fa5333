import { runBound } from '../scope/scope-storage.ts'
import { locate } from './locate.ts'
import type { RequestOptions, RequestParts, RequestShard } from './request-options.ts'
import { planFor, type RequestPlan } from './request-plan.ts'
import { RequestScope } from './request-scope.ts'
import { requestState } from './request-state.ts'

/**
 * `bindNodeRequest` for frameworks in which a request is a function call: runs `fn` in the scope of the request's
 * tenant (with undefined, and unscoped, when it names none) and returns what it returns. The connection goes back when
 * `fn` settles, or when what it left open, such as a stream in the response's body, has ended.
 *
 * Rejects with the errors that {@link toProblem} turns into answers, and with whatever `fn` throws.
 */
export async function withRequest<R, T>(
  req: R,
  parts: RequestParts,
  options: RequestOptions<R>,
  fn: (shard: RequestShard | undefined) => Promise<T>,
): Promise<T> {
  const { method, signal } = parts
  const state = requestState(req)
  const around = state.binding
  const located = runBound(around, () => {
    const plan = planFor(options).forRequest(req)
    const value = locate(plan, req, parts, around?.rules.value)
    return { plan, value }
  })
  const { plan } = located
  const value = await located.value
  signal?.throwIfAborted()
  if (value === undefined) return await runBound(around, () => fn(state.shard))

  const scope = new RequestScope(plan as RequestPlan<never>, value, around, parts)
  const onAbort = () => scope.aborted(method)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    try {
      // Frameworks of this kind read the body inside, so that only a method without one is certain to have none.
      await scope.prepare(method, method !== 'GET' && method !== 'HEAD')
      signal?.throwIfAborted()
    } catch (error) {
      scope.discard()
      throw error
    }
    state.binding = scope.binding
    state.shard = scope.shard
    return await runBound(scope.binding, () => fn(scope.shard))
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // A stream that `fn` has returned asks for its turn some microtasks later, and is to keep this connection.
    setImmediate(() => scope.answered())
  }
}
