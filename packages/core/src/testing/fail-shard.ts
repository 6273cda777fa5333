import { ShardUnknownError } from '../errors.ts'
import { partsOf, type Sharding } from '../sharding.ts'
import { type Restorable, restorable } from './restorable.ts'
import { REFUSALS, type Refusal, shutGate } from './shut-gate.ts'

/** A refusal by the pool, or `circuit-open`: the breaker is (CircuitOpenError). */
export type ShardFailure = Refusal | 'circuit-open'

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
  if (failure !== 'circuit-open' && !Object.hasOwn(REFUSALS, failure)) {
    const known = [...Object.keys(REFUSALS), 'circuit-open'].join(', ')
    throw new TypeError(`A shard can fail by ${known}; not by ${JSON.stringify(failure)}.`)
  }
  const others = failing.get(pools) ?? new Set()
  if (others.has(shard)) throw new Error(`Shard "${shard}" fails already: restore that first.`)
  failing.set(pools, others.add(shard))
  const undos: (() => void)[] = []
  const unwatch = pools.watch(({ endpoint, pool, breaker }) => {
    if (endpoint.shard !== shard) return
    const undo = failure === 'circuit-open' ? breaker.isolate() : shutGate(pool, { shard, failure, afterMs })
    undos.push(undo)
  })
  return restorable(() => {
    others.delete(shard)
    unwatch()
    for (const undo of undos) undo()
  })
}

/** The shards that fail, by the pools that they are in. */
const failing = new WeakMap<object, Set<string>>()
