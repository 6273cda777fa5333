const KEY = Symbol.for('sherd.sharding-count')

/** Anchored globally, so that two copies of this package never give the same. */
const anchor = globalThis as { [KEY]?: number }

/** A name that no other Sharding of this process has: `sharding-1`, `sharding-2`, … */
export function nextShardingId(): string {
  anchor[KEY] = (anchor[KEY] ?? 0) + 1
  return `sharding-${anchor[KEY]}`
}
