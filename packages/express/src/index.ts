export type { RequestOptions, RequestShard, TenantSource } from '@sherd/core/adapter'
export { type Shutdown, type ShutdownOptions, shutdownOnSignals } from '@sherd/core/adapter'
export { type ShardErrorHandlerOptions, shardErrorHandler } from './shard-error-handler.ts'
export { shardMiddleware } from './shard-middleware.ts'
