import type { Sharding } from '@sherd/core'
import type { Answer } from '../answer.ts'
import type { GivenSettings } from '../migrate/given-options.ts'
import { askReplicas } from '../status/ask-replicas.ts'
import { askShard } from '../status/ask-shard.ts'
import { Deadline } from '../status/deadline.ts'
import { type ShardStatus, statusDocument } from '../status/shard-status.ts'
import { statusTable } from '../status/status-table.ts'

export interface StatusOptions extends GivenSettings {
  /** Milliseconds for all shards together. */
  readonly timeout: number
  readonly concurrency: number
}

/**
 * How every shard is, the database without tenants included. One that does not answer is told like the others, in time.
 */
export async function status(sharding: Sharding, options: StatusOptions): Promise<Answer> {
  const names = Object.keys(sharding.stats().shards)
  const deadline = new Deadline(options.timeout)
  const [replicas, servers] = await Promise.all([
    askReplicas(sharding, deadline),
    eachLimited(names, options.concurrency, (shard) => askShard(sharding, shard, { options, deadline })),
  ])
  const shards = servers.map(
    (server): ShardStatus => ({ ...server, replicas: replicas[server.shard] ?? null }),
  )
  const isWell = shards.every((shard) => shard.reachable && !shard.replicas?.unreachable.length)
  return {
    exitCode: isWell ? 0 : 1,
    document: statusDocument(shards),
    text: (style) => statusTable(shards, style),
  }
}

/** What `fn` returns for each item, in their order; whoever is done makes room for the next. */
async function eachLimited<T, R>(
  items: readonly T[],
  limit: number,
  fn: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length)
  const left = items.entries()
  const worker = async () => {
    for (const [index, item] of left) results[index] = await fn(item)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  return results
}
