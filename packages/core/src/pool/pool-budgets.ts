import { isInMemory } from '../config/clients.ts'
import type { LimitsConfig, ServerConfig } from '../config/resolved-config.ts'
import { serverAddress } from '../config/server-address.ts'
import type { Endpoint } from '../topology/topology.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { type BudgetDivision, type DivideBudgets, divideByHand } from './budget-division.ts'
import { ConnectionBudget } from './connection-budget.ts'
import { OpenPools } from './open-pools.ts'
import type { BudgetedPool, OpeningBudget } from './opening-budget.ts'
import { PoolShare } from './pool-share.ts'

export interface PoolBudgetsOptions {
  readonly limits: LimitsConfig
  readonly servers: ReadonlyMap<string, ServerConfig>
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** Divides the budgets of servers among processes. @default this one has all of them */
  readonly divide?: DivideBudgets
}

/** A server's budget, and what this process has of it. */
export interface BudgetStats {
  /** What all processes may have together, as the configuration says. */
  readonly maxConnections: number
  /** What this process may have. */
  readonly granted: number
  /** What it has: open, being opened or being closed. Above `granted` for a while after that has shrunk. */
  readonly taken: number
  /** Among how many the budget is divided, this one included; 0 as long as nobody has told. */
  readonly workers: number
}

/** What the pools of one Sharding share: the connections of the process and of each server, and the places for pools. */
export class PoolBudgets {
  readonly #clock: Clock
  readonly #openPools: OpenPools
  readonly #ofProcess: readonly ConnectionBudget[]
  readonly #ofServers: ReadonlyMap<string, ConnectionBudget>
  readonly #division: BudgetDivision

  constructor({ limits, servers, clock, deadlines, divide = divideByHand(1) }: PoolBudgetsOptions) {
    const { maxOpenPools: max, poolIdleMs: idleMs, maxConnections } = limits
    this.#clock = clock
    this.#openPools = new OpenPools({ max, idleMs, clock, deadlines })
    const setting = 'limits.maxConnections'
    this.#ofProcess =
      maxConnections === null
        ? []
        : [new ConnectionBudget({ name: 'process', setting, total: maxConnections })]
    this.#ofServers = new Map(Array.from(servers, ([name, server]) => [name, this.#ofServer(name, server)]))
    this.#division = divide([...this.#ofServers.values()])
  }

  /** Of each server that has a budget, by `host:port`. */
  stats(): Readonly<Record<string, BudgetStats>> {
    const entries = Array.from(this.#ofServers, ([name, { total, limit, taken }]) => {
      const workers = this.#division.workersOf(name)
      return [name, { maxConnections: total, granted: limit, taken, workers }] as const
    })
    return Object.fromEntries(entries)
  }

  /** Settles when this process may have a connection at least to each server with a budget. */
  ready(): Promise<void> {
    return this.#division.ready()
  }

  /** Gives this process's shares to the others: once all pools are closed. */
  leave(): void {
    this.#division.leave()
  }

  /** Whether the server's sessions are counted, so that there may be none beside those of its budget. */
  isCounted(endpoint: Pick<Endpoint, 'client' | 'connection'>): boolean {
    return this.#budgetOf(endpoint) !== undefined
  }

  /** How the pool of an endpoint gets its part of them. */
  joining(endpoint: Pick<Endpoint, 'client' | 'connection'>): (pool: BudgetedPool) => OpeningBudget {
    const ofServer = this.#budgetOf(endpoint)
    const shared = {
      budgets: ofServer === undefined ? this.#ofProcess : [...this.#ofProcess, ofServer],
      openPools: this.#openPools,
      clock: this.#clock,
      isEvictable: !isInMemory(endpoint.client, endpoint.connection),
    }
    return (pool) => new PoolShare({ ...shared, pool })
  }

  #budgetOf({ client, connection }: Pick<Endpoint, 'client' | 'connection'>): ConnectionBudget | undefined {
    return this.#ofServers.get(serverAddress(client, connection) ?? '')
  }

  #ofServer(name: string, { maxConnections }: ServerConfig): ConnectionBudget {
    return new ConnectionBudget({
      name,
      setting: `servers["${name}"].maxConnections`,
      total: maxConnections,
      limit: 0,
      onReturned: () => this.#division.returned(name),
    })
  }
}
