/** Something that is open on the connection between queries: a cursor, a transaction, a handle on it. */
export interface OpenWork {
  /** The scope in which it was opened. */
  readonly owner: object
  /** Whether it is a query that runs on, rather than something that queries belong to. */
  readonly isStream?: boolean
  /** Ends it now. It may still use the connection for that if `Lease#isHeld`. */
  abandon(error: Error): void
}
