import type { z } from 'zod'
import type { PoolConfig } from '../resolved-config.ts'
import { defaultsOf } from './defaults-of.ts'
import { count, countOrOff, duration, durationOrOff, group } from './option.ts'

const CONNECTIONS_MAX = 10_000

/** Options of a pool. A line here, one in `PoolConfig` and one in `PoolObject` make a new option. */
const options = {
  min: count(0, CONNECTIONS_MAX, {
    description: 'Connections that are kept open, from the first use of the pool on.',
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
  perTenantMax: countOrOff(1, CONNECTIONS_MAX, {
    description:
      'Connections that one tenant may hold at once; with a number here tenants take turns. null sets no limit.',
    default: null,
    example: 5,
  }),
  shedTargetMs: durationOrOff({
    description:
      'Milliseconds in the queue that are normal. When nobody was served sooner for shedIntervalMs, and not all in time, whoever has waited for more than twice as long is refused. By default an eighth of checkoutTimeoutMs; null refuses nobody for it.',
    default: 250,
    example: 250,
  }),
  shedIntervalMs: duration({
    description: 'Milliseconds for which the queue has to stand before anybody is refused for it.',
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
  pingAfterIdleMs: durationOrOff({
    description:
      'Milliseconds of rest after which a connection is asked whether it still answers, before it is lent; null lends it without asking.',
    default: 1000,
    example: 1000,
  }),
  pingTimeoutMs: duration({
    description:
      'Milliseconds for that answer. By default 500, or a quarter of checkoutTimeoutMs where that is less.',
    default: 500,
    example: 500,
  }),
  queryTimeoutMs: durationOrOff({
    description:
      'Milliseconds that one query may take, counted from its turn; then it is stopped on the server, or the connection is closed if the server does not answer. A COMMIT is never stopped: its connection is closed. null sets no limit.',
    default: null,
    example: 10_000,
  }),
  leakThresholdMs: durationOrOff({
    description:
      'Milliseconds for which a scope may hold its connection before that is reported as a leak; null reports none.',
    default: 30_000,
    example: 30_000,
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
