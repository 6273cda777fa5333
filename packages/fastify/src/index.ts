export type {
  ReadFromReplicasOptions,
  ReadinessOptions,
  RequestOptions,
  RequestShard,
  ShardHealthOptions,
  StampCookieOptions,
  TenantSource,
  WriteStampStore,
} from '@sherd/core/adapter'
export { type Shutdown, type ShutdownOptions, shutdownOnSignals } from '@sherd/core/adapter'
export type { RouteShardOptions, ShardPluginOptions } from './options.ts'
export { shardHealth, shardLiveness, shardReadiness } from './shard-health.ts'
export { shardPlugin } from './shard-plugin.ts'
