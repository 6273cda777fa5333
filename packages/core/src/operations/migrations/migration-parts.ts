import type { PoolBudgets } from '../../pool/pool-budgets.ts'
import type { PoolRegistry } from '../../pool/pool-registry.ts'
import type { Scopes } from '../../scope/scopes.ts'
import type { Topology } from '../../topology/topology.ts'

/** What migrations of one `Sharding` are made of. */
export interface MigrationParts {
  readonly scopes: Scopes
  readonly pools: PoolRegistry
  readonly poolBudgets: Pick<PoolBudgets, 'stats'>
  /** Which shards there are at this moment. */
  readonly layout: { readonly topology: Topology }
}
