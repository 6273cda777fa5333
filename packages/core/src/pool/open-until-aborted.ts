import type { ResourceDriver } from './resource-driver.ts'

/**
 * What `opening` opens, or a rejection as soon as `signal` aborts, for an attempt that nobody wants any more need not
 * settle. What it opens too late is closed.
 */
export function openUntilAborted<R>(
  opening: Promise<R>,
  signal: AbortSignal,
  driver: Pick<ResourceDriver<R>, 'close'>,
): Promise<R> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    opening.then((resource) => {
      signal.removeEventListener('abort', giveUp)
      if (signal.aborted) void driver.close(resource, false)
      resolve(resource)
    }, reject)
  })
}
