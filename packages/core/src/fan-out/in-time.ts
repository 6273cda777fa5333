import { FanOutCancelledError, FanOutTimeoutError } from '../errors.ts'

/** What comes before any shard is asked, bounded as the rest is. Rejects with FanOutTimeoutError, FanOutCancelledError. */
export async function inTime<T>(
  work: Promise<T>,
  { totalMs, signal }: { readonly totalMs: number | null; readonly signal: AbortSignal | undefined },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  let onAbort: (() => void) | undefined
  try {
    return await new Promise((resolve, reject) => {
      work.then(resolve, reject)
      onAbort = () =>
        reject(
          new FanOutCancelledError('The fan-out was stopped: its signal has aborted.', {
            cause: signal?.reason,
          }),
        )
      signal?.addEventListener('abort', onAbort)
      if (signal?.aborted) onAbort()
      if (totalMs !== null) timer = setTimeout(() => reject(timeoutError(totalMs)), totalMs).unref()
    })
  } finally {
    clearTimeout(timer)
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort)
  }
}

function timeoutError(totalMs: number): FanOutTimeoutError {
  return new FanOutTimeoutError(
    `The shards of the tenants were not found within the ${totalMs} ms for everything. Raise totalTimeoutMs, or see why ` +
      '`lookup` is slow.',
    { retryAfter: 1 },
  )
}
