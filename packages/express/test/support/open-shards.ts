import type { ConfigObject, Sharding } from '@sherd/core'
import { openSharding } from '../../../core/test/support/open-sharding.ts'

type Pool = NonNullable<NonNullable<ConfigObject['defaults']>['pool']>

/** One shard with the tenants acme and globex, for the current test. */
export function openShard(url: string, pool: Pool = {}): Sharding {
  return openSharding({ shard_0: { connection: url, tenants: ['acme', 'globex'] } }, { pool })
}
