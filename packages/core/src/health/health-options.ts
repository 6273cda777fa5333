import { inspect } from 'node:util'
import type { HealthThresholds } from './health-report.ts'

export interface HealthOptions {
  /**
   * Ask the servers for a sign of life. Without it only what is known already is told: nothing is asked, nothing is
   * opened, and a shard that nobody has used is healthy. @default false
   */
  readonly probe?: boolean | ProbeLimits
  /**
   * Ask each shard which of its migrations have not run. Never by the last connection that a pool could lend, and not while
   * its circuit breaker is open: then nothing is said of them. @default false
   */
  readonly migrations?: boolean | MigrationCheckLimits
  /** From when on a pool calls for attention. */
  readonly thresholds?: HealthThresholds
}

export interface MigrationCheckLimits {
  /** How long all shards together may take to answer, in milliseconds. @default 1000 */
  readonly timeoutMs?: number
  /** Answers that are no older than this many milliseconds are used again. @default 60000 */
  readonly maxAgeMs?: number
}

export interface ProbeLimits {
  /** How long all probes together may take, in milliseconds, whatever the number of shards. @default 1000 */
  readonly timeoutMs?: number
  /**
   * Answers that are no older than this many milliseconds are used again. Whoever asks while servers are being asked
   * gets the same answers, whatever this says. @default 1000
   */
  readonly maxAgeMs?: number
}

/** {@link HealthOptions} with all defaults filled in. */
export interface HealthPlan {
  /** Null: nobody is asked. */
  readonly probe: Required<ProbeLimits> | null
  /** Null: nobody is asked. */
  readonly migrations: Required<MigrationCheckLimits> | null
  readonly thresholds: Required<HealthThresholds>
}

/** Throws TypeError for a value that makes no sense. */
export function healthPlan({
  probe = false,
  migrations = false,
  thresholds = {},
}: HealthOptions = {}): HealthPlan {
  const { timeoutMs = 1000, maxAgeMs = 1000 } = typeof probe === 'boolean' ? {} : probe
  const check = { timeoutMs: 1000, maxAgeMs: 60_000, ...(typeof migrations === 'boolean' ? {} : migrations) }
  const { utilization = 80, waiting = 0 } = thresholds
  assertAtLeast(1, timeoutMs, 'probe.timeoutMs')
  assertAtLeast(0, maxAgeMs, 'probe.maxAgeMs')
  assertAtLeast(1, check.timeoutMs, 'migrations.timeoutMs')
  assertAtLeast(0, check.maxAgeMs, 'migrations.maxAgeMs')
  assertAtLeast(0, utilization, 'thresholds.utilization')
  assertAtLeast(0, waiting, 'thresholds.waiting')
  return {
    probe: probe === false ? null : { timeoutMs, maxAgeMs },
    migrations: migrations === false ? null : check,
    thresholds: { utilization, waiting },
  }
}

function assertAtLeast(least: number, value: unknown, name: string): void {
  if (typeof value === 'number' && value >= least) return
  throw new TypeError(`${name} must be a number from ${least} on, not ${inspect(value, { depth: 0 })}.`)
}
