import { ShardingError, ShardUnavailableError } from '../errors.ts'
import type { PoolRegistry } from '../pool/pool-registry.ts'
import type { Shard } from '../topology/topology.ts'

/**
 * Brings each server of a shard back into service that answers on a new connection. Rejects when one does not, with its
 * error as the cause (an AggregateError of several); the pool of that one stays as it was.
 */
export async function recover(shard: Shard, pools: PoolRegistry): Promise<void> {
  const endpoints = pools.all(shard)
  const outcomes = await Promise.allSettled(endpoints.map(({ guarded }) => guarded.recover()))
  const failed = endpoints.flatMap(({ endpoint }, index) => {
    const outcome = outcomes[index]
    return outcome?.status === 'rejected' ? [{ id: endpoint.id, error: outcome.reason as unknown }] : []
  })
  const [first] = failed
  if (first === undefined) return
  if (failed.length === 1 && first.error instanceof ShardingError) throw first.error
  const names = failed.map(({ id }) => `"${id}"`).join(', ')
  const errors = failed.map(({ error }) => error)
  throw new ShardUnavailableError(
    `No new connection to ${names} could be opened; nothing was changed there.`,
    {
      shard: shard.name,
      cause: errors.length === 1 ? first.error : new AggregateError(errors),
    },
  )
}
