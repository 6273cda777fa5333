import type { ShardingError } from '../errors.ts'
import { CheckoutErrors } from '../pool/checkout-errors.ts'
import type { EndpointPool } from '../pool/endpoint-pool.ts'
import { PoolWaiter } from '../pool/pool-waiter.ts'

type Pool = EndpointPool['pool']

/**
 * - `checkout-timeout`: no connection becomes free in time (CheckoutTimeoutError)
 * - `unavailable`: the database cannot be reached (ShardUnavailableError)
 * - `overloaded`: too many wait already (PoolOverloadedError)
 * - `draining`: the pool is being closed (PoolDrainingError)
 */
export type Refusal = 'checkout-timeout' | 'unavailable' | 'overloaded' | 'draining'

interface Refused {
  readonly errors: CheckoutErrors
  readonly pool: Pool
  readonly timeoutMs: number
}

interface RefusalKind {
  /** Told to whoever asks, instead of to those who wait. */
  readonly atOnce: boolean
  error(refused: Refused): ShardingError
}

export const REFUSALS: Readonly<Record<Refusal, RefusalKind>> = {
  'checkout-timeout': {
    atOnce: false,
    error: ({ errors, pool, timeoutMs }) => errors.timeout(timeoutMs, pool.stats(), undefined),
  },
  unavailable: {
    atOnce: false,
    error: ({ errors }) => errors.unavailable(new Error('connect ECONNREFUSED, as a test wants it')),
  },
  overloaded: {
    atOnce: true,
    error: ({ errors, pool }) => errors.overloaded(pool.stats(), pool.stats().waiting),
  },
  draining: { atOnce: true, error: ({ errors }) => errors.draining() },
}

export interface GateOptions {
  readonly shard: string
  readonly failure: Refusal
  readonly afterMs: number
}

/** In front of the pool, whose own methods are hidden by those that the instance is given. @returns what opens it again */
export function shutGate(pool: Pool, { shard, failure, afterMs }: GateOptions): () => void {
  const errors = new CheckoutErrors(shard, Math.random)
  const { atOnce, error } = REFUSALS[failure]
  const refuse = (timeoutMs: number) => error({ errors, pool, timeoutMs })
  pool.assertAvailable = () => {
    if (atOnce) throw refuse(0)
  }
  pool.tryAcquire = () => undefined
  pool.wait = (timeoutMs = afterMs, tenant) => {
    if (atOnce) throw refuse(timeoutMs)
    const terms = { since: performance.now(), timeoutMs, tenant }
    const waiter: ReturnType<Pool['wait']> = new PoolWaiter(terms)
    if (afterMs === 0) waiter.refuse(refuse(timeoutMs))
    else setTimeout(() => waiter.refuse(refuse(timeoutMs)), afterMs)
    return waiter
  }
  return () => {
    const shut: Partial<Pool> = pool
    delete shut.assertAvailable
    delete shut.tryAcquire
    delete shut.wait
  }
}
