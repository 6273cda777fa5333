import { setTimeout as sleep } from 'node:timers/promises'
import { UnexpectedError } from './check.ts'

const PATIENCE_MS = 2000

/** Resolves when the condition holds; rejects when it does not for two seconds. */
export async function until(
  condition: () => boolean,
  { what, signal }: { what: string; signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!condition()) {
    if (performance.now() > deadline) throw new UnexpectedError(`Waited in vain for ${what}.`)
    await sleep(5, undefined, { signal })
  }
}
