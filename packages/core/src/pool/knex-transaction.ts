import {
  CommitUnknownError,
  ScopeMissingError,
  TransactionAbortedError,
  TransactionEndedError,
} from '../errors.ts'
import type { Binding, BindingStore } from './binding.ts'
import {
  BINDING,
  type KnexClient,
  type KnexTransaction,
  type TransactionContainer,
} from './knex-internals.ts'
import type { Turn } from './lane.ts'
import type { OpenWork } from './lease.ts'

export interface TransactionStart {
  readonly start: (container: TransactionContainer) => KnexTransaction
  readonly container: TransactionContainer
  readonly binding: Binding | undefined
  readonly store: BindingStore
}

/**
 * Starts knex's transaction as one turn of the connection's lane, with a lane of its own inside. The callback runs
 * bound to the inside, so that the ambient `db` is the transaction there and nowhere else.
 *
 * knex exports no class to extend, and evaluates the callback a microtask after construction: so the instance is
 * overridden.
 */
export function startTransaction({
  start,
  container,
  binding: outer,
  store,
}: TransactionStart): KnexTransaction {
  if (outer === undefined) throw new ScopeMissingError('A transaction was begun outside of every scope.')
  let inside!: Binding
  const transaction = start((handle) => {
    inside.transaction = handle
    return store.run(inside, () => settleInside(container(handle)))
  })

  transaction.acquireConnection = async (_config, use) => {
    const refusal = outer.refusal('begin')
    if (refusal !== undefined) throw refusal
    const lane = outer.laneAt(store.current())
    const inner = lane.inner()
    const turn: Turn = { holder: `transaction ${transaction.txid}`, inner }
    inside = outer.inside(inner, transaction.txid)
    const work: OpenWork = {
      owner: outer.rules,
      abandon: (error) => void inside.transaction?.rollback(error)?.catch(() => {}),
    }
    await outer.lease.enter(lane, turn, () => outer.lease.addOpenWork(work))
    try {
      return await use(inside)
    } finally {
      outer.lease.removeOpenWork(work)
      inner.close(() => endedError(outer))
      outer.lease.leave(lane, turn)
    }
  }

  const { begin, savepoint } = transaction
  transaction.begin = (connection) => {
    bindClient(transaction.trxClient, inside)
    return begin.call(transaction, connection)
  }
  transaction.savepoint = (connection) => {
    bindClient(transaction.trxClient, inside)
    return savepoint.call(transaction, connection)
  }

  transaction.query = (connection, sql, status, value) => {
    if (status === undefined) return open(transaction, connection, sql)
    if (transaction.isCompleted()) return Promise.resolve()
    transaction._completed = true
    const ended =
      status === 1
        ? commit(transaction, connection, sql, value)
        : rollback(transaction, connection, sql, value)
    inside.lane.seal(() => endedError(outer))
    return ended
  }
  return transaction
}

/** A callback that returns a builder has it executed inside; `db.transaction()` without one returns nothing. */
function settleInside(result: unknown): unknown {
  const isThenable = typeof (result as PromiseLike<unknown> | undefined)?.then === 'function'
  return isThenable ? (async () => await result)() : result
}

/** knex checks by identity that queries run on the transaction's connection; the binding checks more. */
function bindClient(client: KnexClient, inside: Binding): void {
  client[BINDING] = inside
  const own = client as Partial<KnexClient>
  delete own.query
  delete own.stream
}

/** BEGIN or SAVEPOINT. knex would run the callback even if it failed. */
async function open(transaction: KnexTransaction, connection: Binding, sql: string): Promise<unknown> {
  try {
    return await transaction.trxClient.query(connection, sql)
  } catch (error) {
    transaction._completed = true
    throw error
  }
}

/** COMMIT or RELEASE. knex resolves `trx.commit()` whatever the server answers. */
async function commit(
  transaction: KnexTransaction,
  inside: Binding,
  sql: string,
  value: unknown,
): Promise<unknown> {
  try {
    const answer = await runCommit(transaction, inside, sql)
    transaction._resolver(value)
    return answer
  } catch (error) {
    transaction._rejecter(error)
    throw error
  }
}

async function runCommit(transaction: KnexTransaction, inside: Binding, sql: string): Promise<unknown> {
  const { lease, rules } = inside
  const connection = lease.connection
  lease.protectFromCancel(true)
  let answer: unknown
  try {
    answer = await transaction.trxClient.query(inside, sql)
  } catch (error) {
    if (!connection?.__knex__disposed) throw error
    throw new CommitUnknownError(
      `The connection to shard "${rules.shard}" broke while a transaction was being committed: it may or may not have ` +
        'been. Look for its effects before you repeat it.',
      { shard: rules.shard, cause: error },
    )
  } finally {
    lease.protectFromCancel(false)
  }
  if (lease.engine.committed(answer)) return answer
  throw new TransactionAbortedError(
    `The server rolled the transaction on shard "${rules.shard}" back instead of committing it, because a statement in ` +
      'it had failed. Let the error of that statement reach the transaction.',
    { shard: rules.shard },
  )
}

/** ROLLBACK, or ROLLBACK TO a savepoint; `reason` is what the transaction rejects with. */
async function rollback(
  transaction: KnexTransaction,
  inside: Binding,
  sql: string,
  reason: unknown,
): Promise<unknown> {
  let failure = reason
  let answer: unknown
  try {
    answer = await transaction.trxClient.query(inside, sql)
  } catch (error) {
    // The pool finds the transaction still open, or the connection broken, and sees to it.
    failure ??= error
  }
  const isWhole = /^ROLLBACK\b/i.test(sql)
  if (failure !== undefined) transaction._rejecter(failure)
  else if (transaction.doNotRejectOnRollback && isWhole) transaction._resolver(undefined)
  else transaction._rejecter(new Error('Transaction rejected with non-error: undefined'))
  return answer
}

function endedError({ rules: { shard } }: Binding): TransactionEndedError {
  return new TransactionEndedError(
    `A query on shard "${shard}" belongs to a transaction that has already ended. Await everything inside the ` +
      'transaction before it ends.',
    { shard },
  )
}
