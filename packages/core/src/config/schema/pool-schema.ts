import type { z } from 'zod'
import type { PoolConfig } from '../resolved-config.ts'
import { defaultsOf } from './defaults-of.ts'
import { count, duration, durationOrOff, group } from './option.ts'

const CONNECTIONS_MAX = 10_000

/** Options of a pool. A line here, one in `PoolConfig` and one in `PoolObject` make a new option. */
const options = {
  min: count(0, CONNECTIONS_MAX, {
    description: 'Connections that stay open while idle.',
    default: 0,
    example: 2,
  }),
  max: count(1, CONNECTIONS_MAX, {
    description:
      'Connections at most. A connection is held for a whole handler: plan for requests per second × seconds in a handler.',
    default: 10,
    example: 20,
  }),
  checkoutTimeoutMs: duration({
    description: 'Milliseconds from asking for a connection to having one, whatever the reason for waiting.',
    default: 2000,
    example: 2000,
  }),
  connectTimeoutMs: duration({
    description:
      'Milliseconds for one attempt to open a connection. By default 1500, or three quarters of checkoutTimeoutMs where that is less.',
    default: 1500,
    example: 1500,
  }),
  connectConcurrency: count(1, CONNECTIONS_MAX, {
    description: 'Attempts to open a connection that may be under way at once.',
    default: 4,
    example: 4,
  }),
  maxWaiting: count(0, 1_000_000, {
    description:
      'Callers that may wait at once until somebody gives a connection back; the next one is refused.',
    default: 1000,
    example: 1000,
  }),
  idleTimeoutMs: durationOrOff({
    description: 'Milliseconds after which an idle connection above min is closed; null keeps it.',
    default: 30_000,
    example: 30_000,
  }),
  maxLifetimeMs: durationOrOff({
    description: 'Milliseconds after which a connection is replaced once it is free; null keeps it.',
    default: 1_800_000,
    example: 1_800_000,
  }),
}

export const poolSchema = group(options, {
  description: 'Limits of the pool of connections.',
  example: { max: 20 },
})

/** What a file says about a pool, checked option by option. */
export type PoolInput = z.output<typeof poolSchema>

/** What holds for an option that nobody gives. */
export const poolDefaults = defaultsOf(poolSchema) as unknown as PoolConfig
