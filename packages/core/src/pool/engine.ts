import type { DatabaseIdentity } from './database-identity.ts'
import type { RawConnection } from './raw-connection.ts'

/** What differs between database engines, about connections of one endpoint. */
export interface Engine {
  /** Opens a session; when `signal` aborts, lets go of it at once. Calls `onLost` when it ends by itself. */
  open(signal: AbortSignal, onLost: (connection: RawConnection) => void): Promise<RawConnection>
  /** The session has reached its baseline for the first time: absent where nothing is to be learnt of it. */
  settle?(connection: RawConnection): Promise<void>
  /** Somebody may use the session past its driver's queries; absent where each session is reset in any case. */
  distrust?(connection: RawConnection): void
  /** Whether the next may have the session as it is; absent where {@link reset} alone can tell. */
  isClean?(connection: RawConnection): boolean
  /**
   * Brings the session back to its baseline after a lease: rolls back what is open, then removes what earlier
   * users left. Undefined when nothing needs to be done; rejects in doubt, and within a bound.
   */
  reset(connection: RawConnection): Promise<void> | undefined
  /** Whether the session is inside of a transaction; absent where neither server nor driver say. */
  isInTransaction?(connection: RawConnection): boolean
  /** Which database and schema this is, wherever its address leads; undefined when the server cannot tell. */
  identify(connection: RawConnection): Promise<DatabaseIdentity | undefined>
  /** How far a primary has written its log; absent where that cannot be compared with a replica's progress. */
  position?(connection: RawConnection): Promise<bigint | undefined>
  /** How far a replica has come; absent where none can tell. */
  progress?(connection: RawConnection): Promise<ReplicaProgress>
  /** Whether the open session keeps the process alive: an idle one does not, so that scripts end by themselves. */
  keepAlive(connection: RawConnection, isAlive: boolean): void
  /** Settles when the server has answered; absent where there is no server that could have gone. */
  ping?(connection: RawConnection): Promise<void>
  /** Ends the session; settles, without an error and within a bound, when the server has let it go. */
  close(connection: RawConnection): Promise<void>
  /**
   * Asks the server to stop what the connection runs. Settles when the server has dealt with the request, so that
   * it can hit no later query; rejects when it cannot be asked.
   */
  cancel(connection: RawConnection): Promise<void>
  /** What an error that the connection's user was told says about the connection; undefined: nothing. */
  failureOf(error: unknown, connection: RawConnection): ConnectionFailure | undefined
  /** Ends the session at once, without a word to the server: whatever runs on it is rejected. */
  sever(connection: RawConnection): void
  /** What became of a transaction whose COMMIT was answered with an error. */
  fateOfCommit(connection: RawConnection): Promise<CommitFate>
  /** Whether the server's answer to COMMIT says that it committed. */
  committed(answer: unknown): boolean
  /** The statement that knex wants to begin a transaction with, as this engine has it; its scope may be one that only reads. */
  begin(sql: string, isReading: boolean): string
  /** How to read a result piece by piece with one short query each; undefined when only one long query can. */
  cursor(statement: Statement, options: CursorOptions): Cursor | undefined
}

/** What a replica can tell about itself; undefined where it cannot. */
export interface ReplicaProgress {
  /** What it has replayed, as {@link Engine.position} counts. */
  readonly position: bigint | undefined
  /** How far behind it believes to be: it cannot know of what has not reached it. */
  readonly lagMs: number | undefined
}

/**
 * - `lost`: the session is over, or is about to be.
 * - `unfit`: it lives, and nobody else may have it, for it serves another purpose by now.
 */
export type ConnectionFailure = 'lost' | 'unfit'

/**
 * - `rolled back`: the server refused, and has left the transaction.
 * - `open`: the server refused, and may still be inside of it.
 * - `unknown`: the session broke, and nobody knows.
 */
export type CommitFate = 'rolled back' | 'open' | 'unknown'

export interface Statement {
  readonly sql: string
  readonly bindings: readonly unknown[]
}

export interface CursorOptions {
  /** Rows at most in one piece. */
  readonly batchSize: number
  readonly inTransaction: boolean
}

/** Each method is one query. */
export interface Cursor {
  /** False when the server refuses a cursor for this statement, and no harm is done. */
  open(connection: RawConnection): Promise<boolean>
  /** Fewer rows than `batchSize` mean that these were the last. */
  fetch(connection: RawConnection): Promise<readonly unknown[]>
  close(connection: RawConnection): Promise<void>
}
