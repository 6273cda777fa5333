import { resolvePool } from '../../../packages/core/src/config/resolve-pool.ts'
import { CheckoutTimeoutError } from '../../../packages/core/src/errors.ts'
import { CheckoutErrors } from '../../../packages/core/src/pool/checkout-errors.ts'
import type { Pooled } from '../../../packages/core/src/pool/pooled.ts'
import { ShardPool } from '../../../packages/core/src/pool/shard-pool.ts'
import { systemClock } from '../../../packages/core/src/util/clock.ts'
import { Deadlines } from '../../../packages/core/src/util/deadlines.ts'
import type { FakeConnection, PoolUnderTest } from './pool-under-test.ts'

/** One for all pools of the process, as in a Sharding. */
const deadlines = new Deadlines(systemClock)

const LEFT = new CheckoutTimeoutError('nobody waits for it any more', { shard: 'shard_0' })

/** Sherd's, which is no public interface; with the limits that a shard has by default, but for `max`. */
export function createShardPool(max: number): PoolUnderTest<Pooled<FakeConnection>> {
  let opened = 0
  const pool = new ShardPool<FakeConnection>({
    errors: new CheckoutErrors('shard_0', Math.random),
    driver: {
      open: () => Promise.resolve({ number: opened++, holder: undefined }),
      isUsable: () => true,
      reset: () => undefined,
      close: () => Promise.resolve(),
    },
    limits: { ...resolvePool([]), max },
    clock: systemClock,
    deadlines,
    random: Math.random,
    gate: { isOpen: true, refusal: () => LEFT },
  })
  return {
    acquire: () => pool.tryAcquire() ?? pool.wait().promise,
    connectionOf: ({ resource }) => resource,
    release: (pooled) => pool.release(pooled),
    enter() {
      const waiter = pool.wait()
      waiter.promise.catch(() => {})
      return () => void pool.leave(waiter, LEFT)
    },
    close: () => pool.close(0),
  }
}
