/** Every event says whose it is: a process may have more than one Sharding. */
export interface ShardingMessage {
  /** `id` of the Sharding. */
  readonly sharding: string
}

/** About one server of a shard. */
export interface EndpointMessage extends ShardingMessage {
  readonly shard: string
  /** Which of the shard's servers: `shard_0`, or `shard_0/replica-0`. */
  readonly endpoint: string
  readonly kind: 'primary' | 'replica'
}
