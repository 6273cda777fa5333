import { inspect } from 'node:util'
import type { HealthThresholds } from './health-report.ts'

export interface HealthOptions {
  /**
   * Ask the servers for a sign of life. Without it only what is known already is told: nothing is asked, nothing is
   * opened, and a shard that nobody has used is healthy. @default false
   */
  readonly probe?: boolean | ProbeLimits
  /** From when on a pool calls for attention. */
  readonly thresholds?: HealthThresholds
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
  readonly thresholds: Required<HealthThresholds>
}

/** Throws TypeError for a value that makes no sense. */
export function healthPlan({ probe = false, thresholds = {} }: HealthOptions = {}): HealthPlan {
  const { timeoutMs = 1000, maxAgeMs = 1000 } = typeof probe === 'boolean' ? {} : probe
  const { utilization = 80, waiting = 0 } = thresholds
  assertAtLeast(1, timeoutMs, 'probe.timeoutMs')
  assertAtLeast(0, maxAgeMs, 'probe.maxAgeMs')
  assertAtLeast(0, utilization, 'thresholds.utilization')
  assertAtLeast(0, waiting, 'thresholds.waiting')
  return {
    probe: probe === false ? null : { timeoutMs, maxAgeMs },
    thresholds: { utilization, waiting },
  }
}

function assertAtLeast(least: number, value: unknown, name: string): void {
  if (typeof value === 'number' && value >= least) return
  throw new TypeError(`${name} must be a number from ${least} on, not ${inspect(value, { depth: 0 })}.`)
}
