import type { Sharding, ShardMigrations } from '@sherd/core'
import { checkedInput } from '../checked-input.ts'
import { InputError } from '../input-error.ts'
import { type GivenSettings, migrationSettings } from '../migrate/given-options.ts'
import { shownError } from '../shown-error.ts'
import type { Deadline } from './deadline.ts'
import { serverFacts } from './server-facts.ts'
import type { ServerStatus } from './shard-status.ts'

interface Asking {
  readonly options: GivenSettings
  readonly deadline: Deadline
}

/** How a shard's primary is. Rejects with InputError, and nothing else. */
export async function askShard(sharding: Sharding, shard: string, asking: Asking): Promise<ServerStatus> {
  const { deadline } = asking
  try {
    const target = { shard, role: 'writing', checkoutTimeoutMs: deadline.leftMs } as const
    const facts = await deadline.bound(sharding.connectedTo(target, () => serverFacts(sharding.db)))
    return { shard, reachable: true, ...facts, migrations: await askMigrations(sharding, shard, asking) }
  } catch (error) {
    if (error instanceof InputError) throw error
    return { shard, reachable: false, error: shownError(error) }
  }
}

/** Null where nobody says which migrations a shard has. */
async function askMigrations(
  sharding: Sharding,
  shard: string,
  { options, deadline }: Asking,
): Promise<ShardMigrations | null> {
  // The migrations are those of the tenants' shards; what belongs to no tenant has tables of its own.
  if (!sharding.shardNames.includes(shard)) return null
  const targets = { shards: [shard], checkoutTimeoutMs: deadline.leftMs }
  try {
    const { shards } = await deadline.bound(
      checkedInput(sharding.migrate.status({ ...migrationSettings(options), ...targets })),
    )
    return shards[shard] ?? null
  } catch (error) {
    if (!(error instanceof InputError)) return { status: 'unknown', error }
    // An application that keeps its migrations elsewhere, or has none.
    if (options.directory === undefined) return null
    throw error
  }
}
