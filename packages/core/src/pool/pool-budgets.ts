import { isInMemory } from '../config/clients.ts'
import type { LimitsConfig, ServerConfig } from '../config/resolved-config.ts'
import { serverAddress } from '../config/server-address.ts'
import type { Endpoint } from '../topology/topology.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { ConnectionBudget } from './connection-budget.ts'
import { OpenPools } from './open-pools.ts'
import type { BudgetedPool, OpeningBudget } from './opening-budget.ts'
import { PoolShare } from './pool-share.ts'

export interface PoolBudgetsOptions {
  readonly limits: LimitsConfig
  readonly servers: ReadonlyMap<string, ServerConfig>
  readonly clock: Clock
  readonly deadlines: Deadlines
}

/** What the pools of one Sharding share: the connections of the process and of each server, and the places for pools. */
export class PoolBudgets {
  readonly #clock: Clock
  readonly #openPools: OpenPools
  readonly #ofProcess: readonly ConnectionBudget[]
  readonly #ofServers: ReadonlyMap<string, ConnectionBudget>

  constructor({ limits, servers, clock, deadlines }: PoolBudgetsOptions) {
    const { maxOpenPools: max, poolIdleMs: idleMs, maxConnections } = limits
    this.#clock = clock
    this.#openPools = new OpenPools({ max, idleMs, clock, deadlines })
    this.#ofProcess =
      maxConnections === null ? [] : [new ConnectionBudget('limits.maxConnections', maxConnections)]
    this.#ofServers = new Map(
      Array.from(servers, ([name, server]) => [
        name,
        new ConnectionBudget(`servers["${name}"].maxConnections`, server.maxConnections),
      ]),
    )
  }

  /** How the pool of an endpoint gets its part of them. */
  joining(endpoint: Pick<Endpoint, 'client' | 'connection'>): (pool: BudgetedPool) => OpeningBudget {
    const ofServer = this.#ofServers.get(serverAddress(endpoint.client, endpoint.connection) ?? '')
    const shared = {
      budgets: ofServer === undefined ? this.#ofProcess : [...this.#ofProcess, ofServer],
      openPools: this.#openPools,
      clock: this.#clock,
      isEvictable: !isInMemory(endpoint.client, endpoint.connection),
    }
    return (pool) => new PoolShare({ ...shared, pool })
  }
}
