import type { EndpointPool } from '../pool/endpoint-pool.ts'
import type { Detour } from '../pool/pool-registry.ts'
import { currentBinding } from '../scope/scope-storage.ts'
import { partsOf, type Sharding } from '../sharding.ts'
import { expectReleased } from './expect-released.ts'
import { whyNotTransactional } from './transaction/create-test-session.ts'
import { TestTransactions } from './transaction/test-transactions.ts'

export interface TransactionalTestsOptions {
  /** Milliseconds that connections may take to come back before `begin` and `rollback` complain. @default 2000 */
  readonly withinMs?: number
}

/** To be called before and after each test; both may be taken off: `beforeEach(tests.begin)`. */
export interface TransactionalTests {
  /**
   * From now on all that runs on a shard, whatever its role, runs on one connection, in one transaction that is begun
   * when the shard is used first. Rejects while connections are in use, which would not be in it.
   */
  readonly begin: () => Promise<void>
  /**
   * Rolls the transactions of all shards back; then the Sharding is as it was before. Does nothing unless `begin` has
   * succeeded. Rejects, but has rolled back, when code still holds a connection; rejects when a statement of the test
   * has ended its transaction, so that something may have been committed.
   */
  readonly rollback: () => Promise<void>
}

interface RunningTest {
  readonly transactions: TestTransactions
  readonly end: () => Promise<void>
}

/**
 * Has each test run in a transaction on each shard, so that it leaves nothing behind. The code under test stays as it
 * is: what it commits is seen by the rest of the test, what it leaves open or rolls back is undone, and each lease
 * begins with clean settings. For PostgreSQL, MySQL, MariaDB and SQLite; `docs/testing.md` says what differs from real
 * transactions.
 *
 * @throws Error when a shard's database cannot do that
 */
export function transactionalTests(
  sharding: Sharding,
  options: TransactionalTestsOptions = {},
): TransactionalTests {
  const { topology, pools } = partsOf(sharding)
  for (const { primary } of topology.shards.values()) {
    const reason = whyNotTransactional(primary)
    if (reason !== undefined) throw new Error(`Tests cannot run in transactions: ${reason}.`)
  }
  let running: RunningTest | undefined

  async function begin(): Promise<void> {
    if (running !== undefined) throw new Error('begin() was called twice: rollback() ends a test.')
    await expectReleased(sharding, options)
    const transactions = new TestTransactions()
    const leave = pools.takeDetour(transactions satisfies Detour)
    const unwatch = pools.watch((pool) => {
      if (transactions.has(pool.endpoint)) refuseSecondLease(pool)
    })
    const end = () => {
      unwatch()
      return leave()
    }
    running = { transactions, end }
  }

  async function rollback(): Promise<void> {
    if (running === undefined) return
    const { transactions, end } = running
    running = undefined
    const unreleased = await expectReleased(sharding, options).catch((error: Error) => error)
    await end()
    if (transactions.lost.size > 0) {
      throw new Error(
        `A statement has ended the test's transaction on ${[...transactions.lost].join(', ')}, so that something may ` +
          'have been committed. See "What differs" in docs/testing.md.',
        { cause: unreleased },
      )
    }
    if (unreleased !== undefined) throw unreleased
  }

  return { begin, rollback }
}

/**
 * Runs `fn` between `begin` and `rollback`, for one test.
 *
 * Rejects with what `fn` rejects with, else as `begin` and `rollback` do.
 */
export async function withRollback<T>(
  sharding: Sharding,
  fn: () => T | PromiseLike<T>,
  options: TransactionalTestsOptions = {},
): Promise<Awaited<T>> {
  const { begin, rollback } = transactionalTests(sharding, options)
  await begin()
  let result: Awaited<T>
  try {
    result = await fn()
  } catch (error) {
    await rollback().catch(() => {})
    throw error
  }
  await rollback()
  return result
}

/** There is no second connection: whoever holds the one would wait for himself. */
function refuseSecondLease(pool: EndpointPool): void {
  const { createLease } = pool
  pool.createLease = (terms) => {
    for (let binding = currentBinding(); binding !== undefined; binding = binding.rules.outer) {
      if (binding.rules.endpoint === pool && binding.rules.ended === undefined) {
        throw new Error(
          `In a test's transaction shard "${pool.endpoint.shard}" has one connection, which the enclosing scope ` +
            'holds: `separate: true` cannot have another. Test this with createTestSharding() alone.',
        )
      }
    }
    return createLease.call(pool, terms)
  }
}
