import type { ShardMigrations } from '@sherd/core'
import type { ServerFacts } from '../server-facts.ts'
import type { ShownError } from '../shown-error.ts'

/** How a shard is. */
export type ShardStatus =
  | (ServerFacts & {
      readonly shard: string
      readonly reachable: true
      /** Null where nobody has asked for them, or nobody has answered in time. */
      readonly migrations: ShardMigrations | null
    })
  | { readonly shard: string; readonly reachable: false; readonly error: ShownError }
