import { setImmediate } from 'node:timers/promises'

/** Resolves first thing in a later turn of the event loop, when everything that could go on without it has done so. */
export function nextTurn(): Promise<void> {
  return setImmediate()
}
