import { CircuitOpenError, type ShardingError, ShardUnknownError } from '../errors.ts'
import { CheckoutErrors } from '../pool/checkout-errors.ts'
import type { EndpointPool } from '../pool/endpoint-pool.ts'
import { PoolWaiter } from '../pool/pool-waiter.ts'
import { partsOf, type Sharding } from '../sharding.ts'
import { retryAfterSeconds } from '../util/retry-after.ts'
import { type Restorable, restorable } from './restorable.ts'

/**
 * - `checkout-timeout`: no connection becomes free in time (CheckoutTimeoutError)
 * - `unavailable`: the database cannot be reached (ShardUnavailableError)
 * - `circuit-open`: the breaker is open (CircuitOpenError)
 * - `overloaded`: too many wait already (PoolOverloadedError)
 * - `draining`: the pool is being closed (PoolDrainingError)
 */
export type ShardFailure = 'checkout-timeout' | 'unavailable' | 'circuit-open' | 'overloaded' | 'draining'

export interface FailShardOptions {
  /** Milliseconds that callers wait before they are refused; only with `checkout-timeout` and `unavailable`. @default 0 */
  readonly afterMs?: number
}

/**
 * Has every checkout from a shard fail, on all its endpoints, until the result is restored or disposed. Callers get the
 * errors that the pool makes, by the ways on which it refuses: what is lent stays lent, and a request with a body, which
 * asks for a connection only with its first query, learns of a timeout there.
 *
 * @throws ShardUnknownError
 * @throws TypeError when there is no such failure
 * @throws Error when the shard is made to fail already
 */
export function failShard(
  sharding: Sharding,
  shard: string,
  failure: ShardFailure,
  { afterMs = 0 }: FailShardOptions = {},
): Restorable {
  const { topology, pools } = partsOf(sharding)
  if (!topology.shards.has(shard)) {
    throw new ShardUnknownError(`No shard is named ${JSON.stringify(shard)}, so that none can fail.`)
  }
  if (!Object.hasOwn(REFUSALS, failure)) {
    throw new TypeError(
      `A shard can fail by ${Object.keys(REFUSALS).join(', ')}; not by ${JSON.stringify(failure)}.`,
    )
  }
  const others = failing.get(pools) ?? new Set()
  if (others.has(shard)) throw new Error(`Shard "${shard}" fails already: restore that first.`)
  failing.set(pools, others.add(shard))
  const shut = new Set<EndpointPool['pool']>()
  const unwatch = pools.watch(({ endpoint, pool }) => {
    if (endpoint.shard !== shard) return
    if (Object.hasOwn(pool, 'tryAcquire'))
      throw new Error(`Shard "${shard}" fails already: restore that first.`)
    shut.add(pool)
    shutGate(pool, { shard, refusal: REFUSALS[failure], afterMs })
  })
  return restorable(() => {
    others.delete(shard)
    unwatch()
    for (const pool of shut) openGate(pool)
  })
}

/** The shards that fail, by the pools that they are in. */
const failing = new WeakMap<object, Set<string>>()

interface Refused {
  readonly errors: CheckoutErrors
  readonly shard: string
  readonly pool: EndpointPool['pool']
  readonly timeoutMs: number
}

interface Refusal {
  /** Told to whoever asks, instead of to those who wait. */
  readonly atOnce: boolean
  error(refused: Refused): ShardingError
}

const REFUSALS: Readonly<Record<ShardFailure, Refusal>> = {
  'checkout-timeout': {
    atOnce: false,
    error: ({ errors, pool, timeoutMs }) => errors.timeout(timeoutMs, pool.stats(), undefined),
  },
  unavailable: {
    atOnce: false,
    error: ({ errors }) => errors.unavailable(new Error('connect ECONNREFUSED, as a test wants it')),
  },
  'circuit-open': {
    atOnce: true,
    error: ({ shard }) => {
      const retryAfter = retryAfterSeconds(RETRY_AFTER_MS, Math.random)
      return new CircuitOpenError(`The breaker of shard "${shard}" is open, as a test wants it.`, {
        shard,
        retryAfter,
      })
    },
  },
  overloaded: {
    atOnce: true,
    error: ({ errors, pool }) => errors.overloaded(pool.stats(), pool.stats().waiting),
  },
  draining: { atOnce: true, error: ({ errors }) => errors.draining() },
}

const RETRY_AFTER_MS = 1000

interface Gate {
  readonly shard: string
  readonly refusal: Refusal
  readonly afterMs: number
}

/** In front of the pool, whose own methods are hidden by those that the instance is given. */
function shutGate(pool: EndpointPool['pool'], { shard, refusal, afterMs }: Gate): void {
  const errors = new CheckoutErrors(shard, Math.random)
  const refuse = (timeoutMs: number) => refusal.error({ errors, shard, pool, timeoutMs })
  pool.assertAvailable = () => {
    if (refusal.atOnce) throw refuse(0)
  }
  pool.tryAcquire = () => undefined
  pool.wait = (timeoutMs = afterMs, tenant) => {
    if (refusal.atOnce) throw refuse(timeoutMs)
    const waiter: ReturnType<typeof pool.wait> = new PoolWaiter(
      { since: performance.now(), timeoutMs, tenant },
      () => {},
    )
    if (afterMs === 0) waiter.refuse(refuse(timeoutMs))
    else setTimeout(() => waiter.refuse(refuse(timeoutMs)), afterMs)
    return waiter
  }
}

function openGate(pool: Partial<EndpointPool['pool']>): void {
  delete pool.assertAvailable
  delete pool.tryAcquire
  delete pool.wait
}
