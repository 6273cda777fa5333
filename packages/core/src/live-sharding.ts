import type { RoleStats } from './pool/pool-stats.ts'

/** What has to be known of a Sharding to end it. */
export interface LiveSharding {
  readonly id: string
  stats(): { readonly shards: Readonly<Record<string, Readonly<Record<string, RoleStats>>>> }
  close(options?: { deadlineMs?: number }): Promise<void>
}

const KEY = Symbol.for('sherd.live-shardings')

/** Anchored globally, so that two copies of this package know each other's. */
const anchor = globalThis as { [KEY]?: Set<WeakRef<LiveSharding>> }

/** Remembers a Sharding until it is closed or collected, for those who have to close all of them. */
export function noteSharding(sharding: LiveSharding): void {
  anchor[KEY] ??= new Set()
  anchor[KEY].add(new WeakRef(sharding))
}

export function forgetSharding(sharding: LiveSharding): void {
  for (const reference of anchor[KEY] ?? [])
    if (reference.deref() === sharding) anchor[KEY]?.delete(reference)
}

/** Those of this thread that are not closed. */
export function liveShardings(): readonly LiveSharding[] {
  const found: LiveSharding[] = []
  for (const reference of anchor[KEY] ?? []) {
    const sharding = reference.deref()
    if (sharding === undefined) anchor[KEY]?.delete(reference)
    else found.push(sharding)
  }
  return found
}
