import type { PoolConfig } from '../../src/config/resolved-config.ts'
import { CheckoutErrors } from '../../src/pool/checkout-errors.ts'
import type { Gate } from '../../src/pool/gate.ts'
import { ShardPool } from '../../src/pool/shard-pool.ts'
import { FakeClock } from './fake-clock.ts'
import { FakeDriver, type FakeDriverOptions, type FakeResource } from './fake-driver.ts'

/** No breaker is in the way. */
export const OPEN: Gate = {
  isOpen: true,
  refusal: () => {
    throw new Error('it is open')
  },
}

export const LIMITS: PoolConfig = {
  min: 0,
  max: 2,
  checkoutTimeoutMs: 2000,
  connectTimeoutMs: 1500,
  connectConcurrency: 4,
  maxWaiting: 1000,
  idleTimeoutMs: null,
  maxLifetimeMs: null,
  perTenantMax: null,
  shedTargetMs: null,
  shedIntervalMs: 1000,
  pingAfterIdleMs: null,
  pingTimeoutMs: 500,
  queryTimeoutMs: null,
  leakThresholdMs: null,
}

export interface TestPool {
  readonly pool: ShardPool<FakeResource>
  readonly driver: FakeDriver
  readonly clock: FakeClock
}

/** A pool in which time, randomness and the database are the test's. */
export function poolOf(
  limits: Partial<PoolConfig> = {},
  options: FakeDriverOptions = {},
  random: () => number = () => 0,
): TestPool {
  return poolWith(new FakeDriver(options), limits, random)
}

export function poolWith<D extends FakeDriver>(
  driver: D,
  limits: Partial<PoolConfig> = {},
  random: () => number = () => 0,
): TestPool & { readonly driver: D } {
  const clock = new FakeClock()
  const { deadlines } = clock
  const pool = new ShardPool({
    errors: new CheckoutErrors('shard_0', random),
    driver,
    limits: { ...LIMITS, ...limits },
    clock,
    deadlines,
    random,
    gate: OPEN,
  })
  return { pool, driver, clock }
}
