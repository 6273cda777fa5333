import type { Sharding } from '@sherd/core'
import { until } from './until.ts'

/**
 * Has a shard's pool hold an idle connection, so that a test with little patience need not have any with the server
 * that opens it.
 */
export async function warmUp(sharding: Sharding, shard = 'one'): Promise<void> {
  await sharding.connectedTo(shard, () => undefined)
  await until(() => (sharding.stats().shards[shard]?.writing.idle ?? 0) > 0)
}
