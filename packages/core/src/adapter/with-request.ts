import { runBound } from '../scope/scope-storage.ts'
import { saysTls } from './came-by-tls.ts'
import type { ClientWrites } from './client-writes.ts'
import { locate } from './locate.ts'
import { recallWrites } from './recall-writes.ts'
import type { RequestOptions, RequestParts, RequestShard } from './request-options.ts'
import { planFor, type RequestPlan } from './request-plan.ts'
import { RequestScope } from './request-scope.ts'
import { requestState } from './request-state.ts'
import { SignedStamps } from './signed-stamps.ts'

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
  const found = await located.value
  let own: ClientWrites | undefined
  const onFirst = (writes: ClientWrites) => {
    own = writes
  }
  const byTls = answersByTls(parts, plan)
  const isSecure = () => byTls
  const value = found && (await recallWrites(found, { plan, req, parts, state, isSecure, onFirst }))
  signal?.throwIfAborted()
  if (value === undefined) return await runBound(around, () => fn(state.shard))

  const scope = new RequestScope(plan as RequestPlan<never>, value, around, parts, state.writes?.log)
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
    for (const [name, text] of own?.answering(true) ?? []) parts.addHeader?.(name, text)
    // A stream that `fn` has returned asks for its turn some microtasks later, and is to keep this connection.
    setImmediate(() => scope.answered())
  }
}

/** @throws TypeError when the answer cannot bring the client its stamp */
function answersByTls<R>(
  { url, headers, addHeader }: RequestParts,
  { replicaReads }: RequestPlan<R>,
): boolean {
  if (replicaReads?.stamps instanceof SignedStamps && addHeader === undefined) {
    throw new TypeError(
      'With "readFromReplicas" a request needs `addHeader` beside its method, url and headers: the answer has to carry ' +
        'a cookie or a header. A store does without.',
    )
  }
  const forwarded =
    headers instanceof Headers ? headers.get('x-forwarded-proto') : headers['x-forwarded-proto']
  return url.startsWith('https:') || saysTls(forwarded)
}
