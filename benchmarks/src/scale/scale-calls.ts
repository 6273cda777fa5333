/** Where the shards of a Sharding come from: an object, or one file each in this folder. */
export type ShardsFrom = { readonly shards: number } | { readonly folder: string }

export interface StartCost {
  readonly startMs: number
  /** Of heap, after garbage was collected; without the object that was passed in. */
  readonly heapBytes: number
  readonly timers: number
}

/** What a process with many tenants, or many shards, can be asked. Each is started anew for one of these. */
export interface ScaleCalls {
  /** As `createSharding()`, and holds the result. */
  start(from: ShardsFrom): Promise<StartCost>
  /** Holds a router, or nothing but a map, for so many tenants. @returns bytes of heap a tenant, beside their ids */
  hold(options: { readonly tenants: number; readonly by: 'Map' | 'Sherd' }): Promise<number>
  /** @returns nanoseconds to find the shard of one of the tenants held */
  lookUp(options: { readonly ms: number }): Promise<number>
  /** @returns nanoseconds a scope, of so many inside each other */
  nest(options: {
    readonly depth: number
    readonly by: 'run' | 'Sherd'
    readonly ms: number
  }): Promise<number>
  /** @returns nanoseconds an `await` of a value that is there */
  await(options: { readonly inside: 'nothing' | 'run' | 'Sherd'; readonly ms: number }): Promise<number>
}
