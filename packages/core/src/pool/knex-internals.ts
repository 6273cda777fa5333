import type { Knex } from 'knex'
import type { Binding } from './binding.ts'
import type { RawConnection } from './raw-connection.ts'

// What knex has and its declarations leave out.

/** One statement as knex hands it to its client. */
export interface KnexQuery {
  sql: string
  bindings?: readonly unknown[]
  timeout?: number | undefined
  cancelOnTimeout?: boolean
  [key: string]: unknown
}

/** A client that knex derives from the endpoint's for a transaction keeps its queries' binding under this. */
export const BINDING = Symbol.for('sherd.binding')

/** knex's client with what its declarations leave out. */
export interface KnexClient extends Knex.Client {
  [BINDING]?: Binding | undefined
  checkVersion(connection: RawConnection): Promise<string>
}

export type TransactionContainer = (transaction: Knex.Transaction) => unknown

/** The parts of knex's transaction that are overridden, or read, here; its declarations have none of them. */
export interface KnexTransaction {
  readonly txid: string
  /** Null unless this is a savepoint. */
  readonly outerTx: object | null
  readonly doNotRejectOnRollback: boolean
  readonly trxClient: KnexClient
  _completed: boolean
  _resolver(value: unknown): void
  _rejecter(error: unknown): void
  acquireConnection<T>(config: object, use: (connection: Binding) => Promise<T>): Promise<T>
  begin(connection: Binding): Promise<unknown>
  savepoint(connection: Binding): Promise<unknown>
  query(connection: Binding, sql: string, status?: 1 | 2, value?: unknown): Promise<unknown>
  /** SQLite's alone. */
  _restoreForeignCheck?(connection: Binding, enable: boolean | null | undefined): Promise<void>
}
