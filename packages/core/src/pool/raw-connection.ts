/** A driver's own connection object, with the marks that knex puts on it. */
export interface RawConnection {
  __knexUid?: string
  __knexTxId?: string | undefined
  /** Set when the driver reported an error or the end of the connection. */
  __knex__disposed?: unknown
  /** What is sent in this instant is a statement of knex's builder. */
  isSendingBuilt?: boolean
}
