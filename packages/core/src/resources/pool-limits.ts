import type { PoolConfig } from '../config/resolved-config.ts'
import type { ResolvedOptions } from './resource-pool-options.ts'

/** At most so many are made at once, as of connections. */
const CONCURRENCY = 4

/** A resource pool in the words of the engine. */
export function poolLimits<T, X>(options: ResolvedOptions<T, X>): PoolConfig {
  return {
    min: 0,
    max: options.size,
    checkoutTimeoutMs: options.timeoutMs,
    connectTimeoutMs: options.createTimeoutMs,
    connectConcurrency: Math.min(options.size, CONCURRENCY),
    maxWaiting: options.maxWaiting,
    perTenantMax: null,
    shedTargetMs: null,
    shedIntervalMs: 1000,
    idleTimeoutMs: options.idleTimeoutMs,
    maxLifetimeMs: null,
    pingAfterIdleMs: options.validateAfterIdleMs,
    pingTimeoutMs: options.validateTimeoutMs,
    queryTimeoutMs: null,
    leakThresholdMs: options.leakThresholdMs,
  }
}
