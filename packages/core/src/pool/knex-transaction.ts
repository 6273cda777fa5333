import { ScopeMissingError } from '../errors.ts'
import { isThenable } from '../util/thenable.ts'
import type { Binding, BindingStore } from './binding.ts'
import {
  BINDING,
  type KnexClient,
  type KnexTransaction,
  type TransactionContainer,
} from './knex-internals.ts'
import type { Turn } from './lane.ts'
import type { OpenWork } from './open-work.ts'
import { TransactionSession } from './transaction-session.ts'

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
  let session!: TransactionSession
  const transaction = start((handle) => {
    inside.transaction = handle
    // The scope may have ended while BEGIN was on its way: then there was nothing yet to abandon.
    if (outer.rules.ended !== undefined) throw outer.rules.ended()
    return store.run(inside, () => settleInside(container(handle)))
  })

  // knex's dialect for SQLite sets it back without waiting, on a connection that is not the transaction's any more.
  let foreignKeys: boolean | null | undefined
  if (transaction._restoreForeignCheck !== undefined) {
    transaction._restoreForeignCheck = async (_connection, enable) => {
      foreignKeys = enable
    }
  }

  transaction.acquireConnection = async (_config, use) => {
    const refusal = outer.refusal('begin')
    if (refusal !== undefined) throw refusal
    const lane = outer.laneAt(store.current())
    const inner = lane.inner()
    const turn: Turn = { holder: `transaction ${transaction.txid}`, inner }
    inside = outer.inside(inner, transaction.txid)
    session = new TransactionSession({ transaction, inside, store })
    const work: OpenWork = {
      owner: outer.rules,
      abandon: (error) => void inside.transaction?.rollback(error)?.catch(() => {}),
    }
    await outer.lease.enter(lane, turn, () => outer.lease.addOpenWork(work))
    try {
      return await use(inside)
    } finally {
      session.close()
      await session.undo(lane, turn)
      if (typeof foreignKeys === 'boolean') {
        const pragma = `PRAGMA foreign_keys = ${foreignKeys}`
        await outer.lease.restore(lane, turn, (raw) => transaction.trxClient.query(raw as never, pragma))
      }
      outer.lease.removeOpenWork(work)
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

  transaction.query = (_connection, sql, status, value) => {
    if (status === undefined) return session.begin(sql)
    if (transaction._completed) return status === 1 ? session.commitAgain() : Promise.resolve()
    transaction._completed = true
    const ended = status === 1 ? session.commit(sql, value) : session.rollback(sql, value)
    session.seal()
    return ended
  }
  return transaction
}

/** A callback that returns a builder has it executed inside; `db.transaction()` without one returns nothing. */
function settleInside(result: unknown): unknown {
  return isThenable(result) ? (async () => await result)() : result
}

/** knex checks by identity that queries run on the transaction's connection; the binding checks more. */
function bindClient(client: KnexClient, inside: Binding): void {
  client[BINDING] = inside
  // Not deleted: an object that loses properties is a hash table from then on, and knex reads it a hundred times a query.
  const { query, stream } = Object.getPrototypeOf(client) as KnexClient
  Object.assign(client, { query, stream })
}
