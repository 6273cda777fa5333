import { runBound } from '../scope/scope-storage.ts'
import { locate } from './locate.ts'
import type { RequestOptions, RequestParts, RequestShard } from './request-options.ts'
import { planFor, type RequestPlan } from './request-plan.ts'
import { RequestScope } from './request-scope.ts'

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
  const plan = planFor(options).forRequest(req)
  const value = plan.isSkipped(req, parts) ? undefined : await locate(plan, req, parts, undefined)
  if (value === undefined) return runBound(undefined, () => fn(undefined))
  parts.signal?.throwIfAborted()
  const scope = new RequestScope(plan as RequestPlan<never>, value, undefined)
  const onAbort = () => scope.aborted(parts.method)
  parts.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    try {
      // Frameworks of this kind read the body inside, so that only a method without one is certain to have none.
      await scope.prepare(parts.method !== 'GET' && parts.method !== 'HEAD')
      parts.signal?.throwIfAborted()
    } catch (error) {
      scope.discard()
      throw error
    }
    return await runBound(scope.binding, () => fn(scope.shard))
  } finally {
    parts.signal?.removeEventListener('abort', onAbort)
    scope.answered()
  }
}
