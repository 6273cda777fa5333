import type { RawConnection } from '../../pool/raw-connection.ts'

/**
 * A database session inside a transaction that is never committed. To its users it looks like a session of its own: their
 * transactions are savepoints, and what they do outside of transactions stays when it succeeds.
 */
export interface TestSession {
  /** What its users are given. */
  readonly connection: RawConnection
  /** Begins the test's transaction. */
  begin(): Promise<void>
  /** Undoes everything. False when the test's transaction had ended before: then something may have been committed. */
  rollBack(): Promise<boolean>
}

/** Savepoints: the test's beginning, the users' transaction, one statement outside of it. */
export const TEST = 'sherd_test'
export const TRANSACTION = 'sherd_test_transaction'
export const STATEMENT = 'sherd_test_statement'
