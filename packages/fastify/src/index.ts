export type { RequestOptions, RequestShard, TenantSource } from '@sherd/core/adapter'
export { type Shutdown, type ShutdownOptions, shutdownOnSignals } from '@sherd/core/adapter'
export type { RouteShardOptions, ShardPluginOptions } from './options.ts'
export { shardPlugin } from './shard-plugin.ts'
