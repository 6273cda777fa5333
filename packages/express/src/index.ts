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
export { type ShardErrorHandlerOptions, shardErrorHandler } from './shard-error-handler.ts'
export { shardHealth, shardLiveness, shardReadiness } from './shard-health.ts'
export { shardMiddleware } from './shard-middleware.ts'
