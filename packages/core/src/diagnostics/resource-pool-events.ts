import { channel } from 'node:diagnostics_channel'

/** About one pool of resources. */
export interface ResourcePoolMessage {
  /** The pool's name, as it was given: `orders`; in a Sharding with the shard: `events on shard_0`. */
  readonly pool: string
  /** No other pool of the process has it: `resource-pool-1`. */
  readonly id: string
  readonly size: number
  readonly timeoutMs: number
}

/** `sherd:resource-pool:created`: a pool is there; it has opened nothing yet. Payload: {@link ResourcePoolMessage}. */
export const resourcePoolCreated = channel('sherd:resource-pool:created')

/** `sherd:resource-pool:setup`: it is the process's global pool from now on. Payload: {@link ResourcePoolMessage}. */
export const resourcePoolSetup = channel('sherd:resource-pool:setup')

/** `sherd:resource-pool:reload`: its resources are about to be replaced. Payload: {@link ResourcePoolMessage}. */
export const resourcePoolReload = channel('sherd:resource-pool:reload')

/** `sherd:resource-pool:reloaded`: nothing of the old ones is left. Payload: {@link ResourcePoolMessage}. */
export const resourcePoolReloaded = channel('sherd:resource-pool:reloaded')

/** `sherd:resource-pool:shutdown`: the pool is closed, and nothing of it is left. Payload: {@link ResourcePoolMessage}. */
export const resourcePoolShutdown = channel('sherd:resource-pool:shutdown')

/**
 * `sherd:resource-pool:leaked`: somebody has kept a resource for longer than `leakThresholdMs`. Payload:
 * {@link ResourceHeldMessage}.
 */
export const resourcePoolLeaked = channel('sherd:resource-pool:leaked')

/** `sherd:resource-pool:recovered`: whoever was reported has given it back. Payload: {@link ResourceHeldMessage}. */
export const resourcePoolRecovered = channel('sherd:resource-pool:recovered')

export interface ResourceHeldMessage extends ResourcePoolMessage {
  /** The resource's place in the pool, from 0 on. */
  readonly index: number
  readonly heldMs: number
  /** Name of the function that has it; `(anonymous)` where it has none. */
  readonly holder: string
  /** Where it was taken, if that was recorded. */
  readonly stack: string | undefined
}
