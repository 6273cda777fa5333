import type { PoolRegistry } from '../pool/pool-registry.ts'
import type { Router } from '../router/router.ts'
import type { Scopes } from '../scope/scopes.ts'
import type { Topology } from '../topology/topology.ts'
import type { ConnectionBudgets } from './connection-budgets.ts'

/** What work on several shards of one `Sharding` is made of. */
export interface FanOutParts {
  readonly scopes: Scopes
  /** Which shards there are, and who lives where, at this moment. */
  readonly layout: {
    readonly topology: Topology
    readonly router: Router
    readonly shardNames: readonly string[]
  }
  readonly pools: PoolRegistry
  readonly budgets: ConnectionBudgets
}
