import { TransactionAbortedError } from '../errors.ts'
import type { KnexQuery } from './knex-internals.ts'
import type { RawConnection } from './raw-connection.ts'

/**
 * Transactions that the server has rolled back by itself because a statement failed, such as on a deadlock, without
 * refusing what comes next: it would run outside of any transaction, and COMMIT would succeed.
 */
export class LostTransactions<C extends RawConnection> {
  readonly #causes = new WeakMap<C, unknown>()
  readonly #isOut: (connection: C) => boolean

  /** @param isOut whether the server is known to be outside of transactions */
  constructor(isOut: (connection: C) => boolean) {
    this.#isOut = isOut
  }

  /** Whoever calls knows that the transaction on the connection, if it is one of knex's, is gone. */
  note(connection: C, cause: unknown): void {
    if (connection.__knexTxId !== undefined) this.#causes.set(connection, cause)
  }

  /**
   * What becomes of a statement: sent as long as the transaction lives. In a lost one a way back is as good as done,
   * and everything else is refused, as PostgreSQL refuses it.
   */
  verdict(connection: C, { sql }: KnexQuery): 'send' | 'skip' {
    const cause = this.#causes.get(connection)
    if (cause === undefined) return 'send'
    if (connection.__knexTxId === undefined || /^\s*begin\b/i.test(sql)) {
      this.#causes.delete(connection)
      return 'send'
    }
    if (/^\s*rollback\s+to\b/i.test(sql)) return 'skip'
    if (/^\s*rollback\b/i.test(sql)) {
      this.#causes.delete(connection)
      return this.#isOut(connection) ? 'skip' : 'send'
    }
    throw new TransactionAbortedError(
      'The database has rolled the transaction back because a statement in it failed. Let the error of that statement ' +
        'reach the transaction.',
      { cause },
    )
  }
}
