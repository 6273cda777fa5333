import { createSharding } from './create-sharding.ts'
import type { Sharding } from './sharding.ts'

const KEY = Symbol.for('sherd.default-sharding')

/** Anchored globally, so that the ESM and the CommonJS copy, and a module loaded anew in development, agree. */
const anchor = globalThis as { [KEY]?: Sharding | undefined }

/**
 * The Sharding that the package's functions use outside of scopes, and middlewares without a `sharding` option:
 * made from `./config` (or `SHERD_CONFIG`) on first use.
 *
 * @throws ConfigInvalidError
 */
export function defaultSharding(): Sharding {
  anchor[KEY] ??= createSharding()
  return anchor[KEY]
}

/** Makes the package's functions use `sharding`. An earlier default stays open: close it if nobody else uses it. */
export function setDefaultSharding(sharding: Sharding): void {
  anchor[KEY] = sharding
}

export function hasDefaultSharding(): boolean {
  return anchor[KEY] !== undefined
}

/** Has the next use make a new default, where `sharding` is the default: for whoever has made it and closes it. */
export function forgetDefaultSharding(sharding: Sharding): void {
  if (anchor[KEY] === sharding) anchor[KEY] = undefined
}
