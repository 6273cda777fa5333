import { deferred } from './deferred.ts'

/** Holds everybody who arrives until `count` have arrived. */
export function barrier(count: number): () => Promise<void> {
  const { promise, resolve } = deferred()
  let missing = count
  return () => {
    missing -= 1
    if (missing === 0) resolve()
    return promise
  }
}
