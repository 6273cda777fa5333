import { setTimeout as wait } from 'node:timers/promises'
import type { Sharding } from '../sharding.ts'

export interface ExpectReleasedOptions {
  /** Milliseconds to wait for what is on its way back, such as connections that are being cleaned. @default 2000 */
  readonly withinMs?: number
}

const POLL_MS = 10

/**
 * Resolves once every connection has come back to its pool and nobody waits for one: for the end of a test, whose code
 * is to leave nothing behind.
 *
 * @throws Error that names each shard and role that still holds or awaits connections after `withinMs`
 */
export async function expectReleased(
  sharding: Sharding,
  { withinMs = 2000 }: ExpectReleasedOptions = {},
): Promise<void> {
  const deadline = performance.now() + withinMs
  let held = whatIsHeld(sharding)
  while (held.length > 0 && performance.now() < deadline) {
    await wait(POLL_MS)
    held = whatIsHeld(sharding)
  }
  if (held.length > 0) {
    throw new Error(`Connections were not given back within ${withinMs} ms: ${held.join('; ')}.`)
  }
}

function whatIsHeld(sharding: Sharding): string[] {
  return Object.entries(sharding.stats().shards).flatMap(([shard, roles]) =>
    Object.entries(roles)
      .filter(([, { active, waiting }]) => active + waiting > 0)
      .map(([role, { active, waiting }]) => `${shard}, ${role}: ${active} in use, ${waiting} waited for`),
  )
}
