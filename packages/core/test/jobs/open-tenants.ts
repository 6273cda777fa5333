import type { Sharding } from '@sherd/core'
import { openSharding } from '../support/open-sharding.ts'
import { until } from '../support/until.ts'

export interface Tenants {
  readonly sharding: Sharding
  /** Connections lent or being cleaned, on all shards and roles. */
  lent(): number
  /** Resolves when every connection has come back. */
  nothingLent(): Promise<void>
}

/** Tenants a and b on shard one, which has a replica, and c on shard two. */
export function openTenants(
  { one, two }: { one: string; two: string },
  pool: { max?: number; checkoutTimeoutMs?: number } = {},
): Tenants {
  const sharding = openSharding(
    {
      one: { connection: one, replicas: [{ connection: one }], tenants: ['a', 'b'] },
      two: { connection: two, tenants: ['c', '7'] },
    },
    { pool },
  )
  const lent = () => {
    const { one, two } = sharding.stats().shards
    return (one?.writing.active ?? 0) + (one?.reading.active ?? 0) + (two?.writing.active ?? 0)
  }
  return {
    sharding,
    lent,
    async nothingLent() {
      await until(() => lent() === 0)
    },
  }
}
