import { setTimeout as delay } from 'node:timers/promises'

const PAUSE_MS = 5

/**
 * Waits until `condition` yields something truthy and returns that; fails after `withinMs`. For what can only be
 * seen from outside, such as a server's list of sessions.
 */
export async function until<T>(condition: () => T | PromiseLike<T>, withinMs = 10_000): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition}`)
    await delay(PAUSE_MS)
  }
}
