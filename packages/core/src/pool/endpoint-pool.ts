import type { Knex } from 'knex'
import { leaseDetached } from '../diagnostics.ts'
import type { Endpoint } from '../topology/topology.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import type { BindingStore } from './binding.ts'
import type { Engine } from './engine.ts'
import { createKnex } from './knex-client.ts'
import type { KnexClient } from './knex-internals.ts'
import { Lease } from './lease.ts'
import type { RoleStats } from './pool-stats.ts'
import { createPostgresEngine } from './postgres/postgres-engine.ts'
import type { RawConnection } from './raw-connection.ts'
import type { ResourceDriver } from './resource-driver.ts'
import { ShardPool } from './shard-pool.ts'
import { createUnknownEngine } from './unknown-engine.ts'

export interface EndpointPoolOptions {
  readonly endpoint: Endpoint
  readonly store: BindingStore
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly random: () => number
}

/** One endpoint in use: its pool, and the knex instance whose queries run on the pool's leases. */
export class EndpointPool {
  readonly endpoint: Endpoint
  readonly knex: Knex
  readonly pool: ShardPool<RawConnection>
  #detachedCount = 0
  readonly #options: EndpointPoolOptions
  readonly #engine: Engine

  constructor(options: EndpointPoolOptions) {
    const { endpoint, store, clock, deadlines, random } = options
    this.#options = options
    this.endpoint = endpoint
    this.knex = createKnex(endpoint, store)
    this.#engine = createEngine(endpoint, this.knex.client)
    this.pool = new ShardPool({
      shard: endpoint.shard,
      driver: createDriver(this.#engine),
      limits: endpoint.pool,
      clock,
      deadlines,
      random,
    })
  }

  stats(): RoleStats {
    return { ...this.pool.stats(), detachedCount: this.#detachedCount }
  }

  createLease(checkoutTimeoutMs = this.endpoint.pool.checkoutTimeoutMs): Lease {
    const { clock, deadlines } = this.#options
    return new Lease({
      shard: this.endpoint.shard,
      pool: this.pool,
      engine: this.#engine,
      clock,
      deadlines,
      checkoutTimeoutMs,
      onDetachedCheckout: () => {
        this.#detachedCount++
        leaseDetached.publish({ shard: this.endpoint.shard })
      },
    })
  }
}

const POSTGRES = new Set(['pg', 'postgres', 'postgresql', 'cockroachdb', 'redshift'])

function createEngine(endpoint: Endpoint, client: KnexClient): Engine {
  return POSTGRES.has(endpoint.client)
    ? createPostgresEngine(endpoint, client)
    : createUnknownEngine(endpoint, client)
}

function createDriver(engine: Engine): ResourceDriver<RawConnection> {
  return {
    open: (signal, onLost) => engine.open(signal, onLost),
    isUsable: (connection) => !connection.__knex__disposed,
    reset: (connection) => engine.reset(connection),
    rest: (connection) => engine.keepAlive(connection, false),
    wake: (connection) => engine.keepAlive(connection, true),
    close: (connection) => engine.close(connection),
  }
}
