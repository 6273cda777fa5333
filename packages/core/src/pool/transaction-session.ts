import {
  CommitUnknownError,
  ConnectionLostError,
  TransactionAbortedError,
  TransactionEndedError,
} from '../errors.ts'
import type { Binding, BindingStore } from './binding.ts'
import type { KnexTransaction } from './knex-internals.ts'
import type { Lane, Turn } from './lane.ts'
import type { RawConnection } from './raw-connection.ts'
import type { TimeLimit } from './time-limit.ts'

/** A connection that takes longer to roll back is destroyed: then the server does so by itself. */
const ROLLBACK_LIMIT: TimeLimit = { ms: 250, atEnd: 'destroy', error: (cause) => cause }

export interface TransactionSessionOptions {
  readonly transaction: KnexTransaction
  readonly inside: Binding
  readonly store: BindingStore
}

/**
 * What one of knex's transactions, or savepoints, says to the server: how it begins and ends there.
 *
 * The invariant: once its turn has passed to somebody else the server is out of it, whatever became of its callback.
 */
export class TransactionSession {
  readonly #transaction: KnexTransaction
  readonly #inside: Binding
  readonly #store: BindingStore
  /** The statement that takes the server back to where it was before; undefined while it is there. */
  #undo: 'ROLLBACK' | `ROLLBACK TO SAVEPOINT ${string}` | undefined
  #committing: Promise<unknown> | undefined

  constructor({ transaction, inside, store }: TransactionSessionOptions) {
    this.#transaction = transaction
    this.#inside = inside
    this.#store = store
  }

  get #isWhole(): boolean {
    return this.#transaction.outerTx === null
  }

  /** BEGIN or SAVEPOINT. knex would run the callback even if it failed. */
  async begin(sql: string): Promise<unknown> {
    try {
      const { lease, rules } = this.#inside
      const statement = /^begin\b/i.test(sql) ? lease.engine.begin(sql, rules.preventWrites) : sql
      const answer = await this.#transaction.trxClient.query(this.#inside, statement)
      this.#undo = this.#isWhole ? 'ROLLBACK' : `ROLLBACK TO SAVEPOINT ${this.#transaction.txid}`
      return answer
    } catch (error) {
      this.#transaction._completed = true
      throw error
    }
  }

  /** COMMIT or RELEASE; knex resolves whatever the server answers. `value` is what the transaction resolves with. */
  async commit(sql: string, value: unknown): Promise<unknown> {
    try {
      this.#committing = this.#commit(sql)
      const answer = await this.#committing
      this.close()
      this.#transaction._resolver(value)
      return answer
    } catch (error) {
      this.close()
      this.#transaction._rejecter(error)
      throw error
    }
  }

  /** Asked to commit once more: the answer is the same, and after a ROLLBACK there is none to be had. */
  commitAgain(): Promise<unknown> {
    return this.#committing ?? Promise.reject(endedError(this.#inside))
  }

  async #commit(sql: string): Promise<unknown> {
    const { lease } = this.#inside
    let sentOn: RawConnection | undefined
    let answer: unknown
    try {
      answer = await this.#say(sql, lease.commitLimit, (connection) => {
        sentOn = connection
        lease.protectFromCancel(true)
      })
    } catch (error) {
      if (!this.#isWhole || sentOn === undefined) throw error
      const fate = await lease.engine.fateOfCommit(sentOn)
      if (fate === 'unknown') throw this.#commitUnknown(error)
      if (fate === 'rolled back') this.#undo = undefined
      throw error
    } finally {
      lease.protectFromCancel(false)
      if (this.#isWhole) await this.#inside.rules.writes?.committed()
    }
    this.#undo = undefined
    if (lease.engine.committed(answer)) return answer
    throw this.#aborted()
  }

  /** ROLLBACK, or ROLLBACK TO; `reason` is what the transaction rejects with. */
  async rollback(sql: string, reason: unknown): Promise<unknown> {
    let failure = reason
    let answer: unknown
    try {
      answer = await this.#say(sql, ROLLBACK_LIMIT)
      this.#undo = undefined
    } catch (error) {
      failure ??= error
    }
    this.close()
    const { _resolver, _rejecter, doNotRejectOnRollback } = this.#transaction
    if (failure !== undefined) _rejecter(failure)
    else if (doNotRejectOnRollback && this.#isWhole) _resolver(undefined)
    else _rejecter(new Error('Transaction rejected with non-error: undefined'))
    return answer
  }

  /** Sends a word about the transaction itself, in its turn inside. */
  async #say(
    sql: string,
    limit: TimeLimit | undefined,
    onSend: (connection: RawConnection) => void = () => {},
  ): Promise<unknown> {
    const { lease, rules } = this.#inside
    const refusal = this.#inside.refusal(sql)
    if (refusal !== undefined) throw refusal
    const send = (connection: RawConnection) => {
      if (rules.ended !== undefined) throw rules.ended()
      onSend(connection)
      connection.__knexTxId = this.#inside.__knexTxId
      return this.#transaction.trxClient.query(connection, sql)
    }
    return lease.run(this.#inside.laneAt(this.#store.current()), send, limit)
  }

  /** Refuses whatever else wants to run inside. */
  close(): void {
    this.#inside.lane.close(() => endedError(this.#inside))
  }

  /** Refuses newcomers; what has been asked for runs inside. */
  seal(): void {
    this.#inside.lane.seal(() => endedError(this.#inside))
  }

  /**
   * The last word, if neither COMMIT nor ROLLBACK has reached the server: the scope may have ended, somebody inside may
   * have kept the turn, or knex may have given up, as it does on a ROLLBACK that waits for more than five seconds.
   */
  async undo(lane: Lane, turn: Turn): Promise<void> {
    const undo = this.#undo
    if (undo === undefined) return
    const { trxClient } = this.#transaction
    const { lease } = this.#inside
    const send = (connection: RawConnection) => {
      if (this.#isWhole) lease.countRollback()
      return trxClient.query(connection, undo)
    }
    await lease.restore(lane, turn, send, ROLLBACK_LIMIT)
  }

  #commitUnknown(error: unknown): CommitUnknownError {
    const { shard } = this.#inside.rules
    const cause = error instanceof ConnectionLostError ? error.cause : error
    return new CommitUnknownError(
      `The connection to shard "${shard}" broke while a transaction was being committed: it may or may not have ` +
        'been. Look for its effects before you repeat it.',
      { shard, cause },
    )
  }

  #aborted(): TransactionAbortedError {
    const { shard } = this.#inside.rules
    return new TransactionAbortedError(
      `The server rolled the transaction on shard "${shard}" back instead of committing it, because a statement in ` +
        'it had failed. Let the error of that statement reach the transaction.',
      { shard },
    )
  }
}

function endedError({ rules: { shard } }: Binding): TransactionEndedError {
  return new TransactionEndedError(
    `A query on shard "${shard}" belongs to a transaction that has already ended. Await everything inside the ` +
      'transaction before it ends.',
    { shard },
  )
}
