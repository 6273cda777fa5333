import knex, { type Knex } from 'knex'
import { shardName, shardOfTenant, TENANTS, tenantName } from '../plan/placement.ts'
import type { Holdings, VariantOptions } from './variant.ts'

/** One knex a shard with the same limits as Sherd's pools, found by tenant. */
export class KnexPerShard {
  readonly #instances: readonly Knex[]
  /** Once destroyed, knex does not know its pool any more. */
  readonly #pools: readonly Pool[]
  readonly #byTenant: ReadonlyMap<string, Knex>
  readonly #max: number

  constructor({ shards, max, checkoutTimeoutMs, connectTimeoutMs }: VariantOptions) {
    this.#max = max
    const byShard = new Map(
      Object.entries(shards).map(([name, connectionString]) => [
        name,
        knex({
          client: 'pg',
          connection: { connectionString, connectionTimeoutMillis: connectTimeoutMs },
          acquireConnectionTimeout: checkoutTimeoutMs,
          pool: { min: 0, max, createTimeoutMillis: connectTimeoutMs + 100 },
          // It logs every timeout with a stack.
          log: { warn() {}, error() {}, debug() {}, deprecate() {} },
        }),
      ]),
    )
    this.#instances = [...byShard.values()]
    this.#pools = this.#instances.map(({ client }) => client.pool)
    this.#byTenant = new Map(
      Array.from({ length: TENANTS }, (_, index) => [
        tenantName(index),
        byShard.get(shardName(shardOfTenant(index))) as Knex,
      ]),
    )
  }

  of(tenant: string): Knex {
    const instance = this.#byTenant.get(tenant)
    if (instance === undefined) throw new Error(`no shard has the tenant ${tenant}`)
    return instance
  }

  holdings(): Holdings {
    const sum = (of: (pool: Pool) => number) => this.#pools.reduce((all, pool) => all + of(pool), 0)
    return {
      leases: sum((pool) => pool.numUsed()),
      waiting: sum((pool) => pool.numPendingAcquires()),
      connections: sum((pool) => pool.numUsed() + pool.numFree()),
      max: this.#instances.length * this.#max,
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.destroy()))
  }
}

/** What is used of tarn's pool. */
interface Pool {
  numUsed(): number
  numFree(): number
  numPendingAcquires(): number
}
