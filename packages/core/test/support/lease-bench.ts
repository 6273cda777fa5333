import type { PoolConfig } from '../../src/config/resolved-config.ts'
import { LazyCorrelation } from '../../src/diagnostics/correlation.ts'
import type { ConnectionOutcome } from '../../src/pool/connection-outcome.ts'
import { Lease } from '../../src/pool/lease.ts'
import { LeaseEvents } from '../../src/pool/lease-events.ts'
import { LeaseHolders, type LongHeld } from '../../src/pool/lease-holders.ts'
import type { LeaseSource } from '../../src/pool/lease-source.ts'
import type { RawConnection } from '../../src/pool/raw-connection.ts'
import type { ShardPool } from '../../src/pool/shard-pool.ts'
import type { FakeClock } from './fake-clock.ts'
import type { FakeDriverOptions, FakeResource } from './fake-driver.ts'
import { FakeServer } from './fake-server.ts'
import { poolWith } from './pool-of.ts'

export const CHECKOUT_TIMEOUT_MS = 2000

const ABOUT = { sharding: 'sharding-0', shard: 'shard_0', endpoint: 'shard_0', kind: 'primary' } as const

/** Leases of one pool, over a server that the test answers for. */
export class LeaseBench {
  readonly server: FakeServer
  readonly pool: ShardPool<FakeResource>
  readonly clock: FakeClock
  /** Leases that hold a connection. */
  readonly holders: LeaseHolders<Lease>
  readonly leaked: LongHeld[] = []
  readonly recovered: LongHeld[] = []
  readonly outcomes: ConnectionOutcome[] = []
  readonly #queryTimeoutMs: number | null
  readonly #events: LeaseEvents
  #leaseCount = 0

  constructor(limits: Partial<PoolConfig> = {}, options: FakeDriverOptions = {}) {
    const { pool, driver, clock } = poolWith(new FakeServer(options), {
      checkoutTimeoutMs: CHECKOUT_TIMEOUT_MS,
      ...limits,
    })
    this.server = driver
    this.pool = pool
    this.clock = clock
    this.#events = new LeaseEvents(ABOUT, clock)
    this.#queryTimeoutMs = limits.queryTimeoutMs ?? null
    this.holders = new LeaseHolders({
      clock,
      deadlines: clock.deadlines,
      leakThresholdMs: limits.leakThresholdMs ?? null,
      onLeaked: (leaked) => this.leaked.push(leaked),
      onRecovered: (recovered) => this.recovered.push(recovered),
    })
  }

  /** How often a lease took a connection of its own after its response. */
  get detachedCount(): number {
    return this.pool.counts.detachedCount
  }

  /** Where leases take their connections from. */
  source(id = 'shard_0'): LeaseSource {
    return {
      id,
      pool: this.pool as unknown as ShardPool<RawConnection>,
      engine: this.server.engine,
      onOutcome: (outcome) => this.outcomes.push(outcome),
      holders: this.holders,
      events: this.#events,
      nextNumber: () => ++this.#leaseCount,
    }
  }

  lease(tenant?: string): Lease {
    return new Lease({
      shard: 'shard_0',
      source: this.source(),
      clock: this.clock,
      deadlines: this.clock.deadlines,
      checkoutTimeoutMs: CHECKOUT_TIMEOUT_MS,
      queryTimeoutMs: this.#queryTimeoutMs,
      tenant,
      role: 'writing',
      describe: () => 'GET /slow',
      correlated: new LazyCorrelation(),
    })
  }

  /** A lease that holds a connection. */
  async heldLease(): Promise<Lease> {
    const lease = this.lease()
    await lease.checkout()
    return lease
  }
}
