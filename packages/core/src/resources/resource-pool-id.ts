const KEY = Symbol.for('sherd.resource-pool-count')

/** Anchored globally, so that two copies of this package never give the same. */
const anchor = globalThis as { [KEY]?: number }

/** A name that no other resource pool of this process has: `resource-pool-1`, `resource-pool-2`, … */
export function resourcePoolId(): string {
  anchor[KEY] = (anchor[KEY] ?? 0) + 1
  return `resource-pool-${anchor[KEY]}`
}
