import { JobAbortedError } from '../errors.ts'
import type { Binding } from '../pool/binding.ts'
import type { OpenScope } from '../scope/open-scope.ts'

/**
 * Runs `work` as the whole of a scope, which ends when `work` settles or `signal` aborts, whichever comes first. Rejects
 * with JobAbortedError on abort, and whatever the work still tries then is refused.
 */
export async function runUntilAborted<T>(
  { lease, rules }: Binding<OpenScope>,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  let onAbort: (() => void) | undefined
  try {
    if (signal === undefined) return await work()
    throwIfAborted(signal)
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => {
        const error = abortedError(signal)
        rules.life.abort(error)
        void lease.cancelRunning()
        rules.cancelRunning()
        reject(error)
      }
      signal.addEventListener('abort', onAbort)
    })
    return await Promise.race([work(), aborted])
  } finally {
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort)
    lease.abandonWork(rules, rules.end()())
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal)
}

function abortedError({ reason }: AbortSignal): JobAbortedError {
  const why =
    reason instanceof Error ? reason.message : typeof reason === 'string' ? reason : 'no reason given'
  return new JobAbortedError(`The job was ended by its signal (${why}).`, { cause: reason })
}
