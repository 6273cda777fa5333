export {
  connectedTo,
  connectedToTenant,
  db,
  runInScope,
  shardedBatch,
  shardedJob,
  shardFor,
} from './ambient-sharding.ts'
export type { ConfigObject } from './config/config-object.ts'
export { defineConfig } from './config/define-config.ts'
export { type CreateShardingOptions, createSharding } from './create-sharding.ts'
export { setDefaultSharding } from './default-sharding.ts'
export type {
  BreakerChangedMessage,
  BreakerStateName,
  LeaseDetachedMessage,
  LeaseLeakedMessage,
  LeaseRecoveredMessage,
} from './diagnostics.ts'
export * from './errors.ts'
export type { HealthOptions, ProbeLimits } from './health/health-options.ts'
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
  WarmUpOptions,
  WarmUpOutcome,
  WarmUpProgress,
  WarmUpReport,
} from './operations/warm-up.ts'
export type { Role } from './pool/pool-registry.ts'
export type { PoolStats, RoleStats } from './pool/pool-stats.ts'
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
export type { ScopeApi } from './scope/scope-api.ts'
export type { Sharding, ShardingStats } from './sharding.ts'
