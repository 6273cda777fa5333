export {
  connectedTo,
  connectedToAllShards,
  connectedToTenant,
  db,
  fanOut,
  fanOutReduce,
  fanOutStream,
  runInScope,
  shardedBatch,
  shardedJob,
  shardFor,
} from './ambient-sharding.ts'
export type { ConfigObject } from './config/config-object.ts'
export { defineConfig } from './config/define-config.ts'
export { type CreateShardingOptions, createSharding, type ShardingWith } from './create-sharding.ts'
export { setDefaultSharding } from './default-sharding.ts'
export type { BreakerChangedMessage, BreakerStateName } from './diagnostics/breaker-events.ts'
export type { BudgetChangedMessage } from './diagnostics/budget-events.ts'
export type {
  CloseCause,
  ConnectionClosedMessage,
  ConnectionOpenedMessage,
} from './diagnostics/connection-events.ts'
export type { Correlation } from './diagnostics/correlation.ts'
export type { EndpointMessage, ShardingMessage } from './diagnostics/endpoint-message.ts'
export type { JobCompletedMessage, JobStartedMessage } from './diagnostics/job-events.ts'
export type {
  DestroyCause,
  LeaseCheckedOutMessage,
  LeaseDestroyedMessage,
  LeaseDetachedMessage,
  LeaseLeakedMessage,
  LeaseMessage,
  LeaseRecoveredMessage,
  LeaseRefusedMessage,
  LeaseReleasedMessage,
  LeaseRequestedMessage,
} from './diagnostics/lease-events.ts'
export type {
  PoolClosedMessage,
  PoolCreatedMessage,
  PoolDrainedMessage,
  PoolExhaustedMessage,
  PoolOpenedMessage,
} from './diagnostics/pool-events.ts'
export type {
  ReplicaEjectedMessage,
  ReplicaFault,
  ReplicaReadmittedMessage,
} from './diagnostics/replica-events.ts'
export type { ResourceHeldMessage, ResourcePoolMessage } from './diagnostics/resource-pool-events.ts'
export type { ScopeEnteredMessage, ScopeLeftMessage } from './diagnostics/scope-events.ts'
export type { ShardingEvent, ShardingEvents } from './diagnostics/sharding-events.ts'
export type { StampMissedCause, StampMissedMessage } from './diagnostics/stamp-events.ts'
export type { ShardingListener, Unsubscribe } from './diagnostics/subscriptions.ts'
export type { TopologyMessage } from './diagnostics/topology-events.ts'
export * from './errors.ts'
export { addFanOutMetadata, type HeaderTarget } from './fan-out/add-fan-out-metadata.ts'
export type { FanOutApi, Reduced } from './fan-out/fan-out-api.ts'
export type {
  FanOutLimits,
  FanOutMode,
  FanOutOptions,
  FanOutTarget,
  FanOutTargets,
} from './fan-out/fan-out-options.ts'
export type {
  FanOutStream,
  FanOutStreamOptions,
  FanOutStreamTarget,
  ShardRow,
  StreamCursor,
} from './fan-out/fan-out-stream.ts'
export type { Compare, Reduction } from './fan-out/reduction.ts'
export type { OrderColumn, RowOrder } from './fan-out/row-order.ts'
export type { RowSource } from './fan-out/shard-rows.ts'
export type { HealthOptions, MigrationCheckLimits, ProbeLimits } from './health/health-options.ts'
export type {
  HealthReport,
  HealthStatus,
  HealthThresholds,
  HealthWarning,
  HealthWarningCode,
  ShardHealth,
} from './health/health-report.ts'
export type { BatchOutcome } from './jobs/batch-outcome.ts'
export type { BatchOptions, JobApi, ShardedBatch } from './jobs/job-api.ts'
export type { Identified, JobTarget, MessageTarget } from './jobs/job-target.ts'
export type { Isolation } from './operations/isolate.ts'
export type {
  MigrateOptions,
  MigrationProgress,
  MigrationSettings,
  MigrationStatusOptions,
  MigrationTargets,
  RollbackOptions,
} from './operations/migrations/migrate-options.ts'
export type { MigrationApi } from './operations/migrations/migration-api.ts'
export type { MigrationStatus, ShardMigrations } from './operations/migrations/migration-status.ts'
export type { ConfigWatch, ReloadOptions, ReloadReport } from './operations/reload.ts'
export type {
  WarmUpOptions,
  WarmUpOutcome,
  WarmUpProgress,
  WarmUpReport,
} from './operations/warm-up.ts'
export type { BudgetStats } from './pool/pool-budgets.ts'
export type { Role } from './pool/pool-registry.ts'
export type {
  BreakerStats,
  EndpointStats,
  HolderStats,
  PoolFigures,
  PoolStats,
  RoleStats,
  StatsOptions,
} from './pool/pool-stats.ts'
export type { ReplicaStatus } from './pool/replica-status.ts'
export { createResourcePool } from './resources/create-resource-pool.ts'
export { type GlobalResourcePool, resourcePool } from './resources/global-resource-pool.ts'
export type { ResourcePool, ResourcePoolStats, ResourceTerms } from './resources/resource-pool.ts'
export type { CreateContext, DestroyContext, ResourcePoolOptions } from './resources/resource-pool-options.ts'
export {
  defineResource,
  type ResourceFactories,
  type ResourceFactory,
  type ResourcePoolOf,
} from './resources/shard-resources.ts'
export type { RouteExplanation } from './router/router.ts'
export {
  bindScope,
  captureScope,
  currentScope,
  releaseConnection,
  requireScope,
  scopeSignal,
  unlocked,
  withRawConnection,
  withTransaction,
} from './scope/current-scope.ts'
export type { Scope, ScopeToken, Target, TargetParts, TenantId } from './scope/scope.ts'
export type { ScopeApi, ShardedKnex } from './scope/scope-api.ts'
export { type ScopeFields, scopeFields } from './scope/scope-fields.ts'
export type { Sharding, ShardingStats } from './sharding.ts'
