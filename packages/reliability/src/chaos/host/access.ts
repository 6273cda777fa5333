import type { Readable } from 'node:stream'
import type { Knex } from 'knex'

export type Row = Readonly<Record<string, unknown>>

/** How one request or job reaches its tenant's database: the same operations, whatever stands behind them. */
export interface Access {
  /** Rows of a statement. */
  rows(sql: string, bindings?: readonly Knex.RawBinding[]): Promise<Row[]>
  /** A builder of knex's, to be awaited. */
  table(name: string): Knex.QueryBuilder
  stream(query: Knex.QueryBuilder): Readable
  transaction<T>(fn: (inside: Access) => Promise<T>): Promise<T>
  /** Gives the connection back for now, where there is one to give back. */
  pause(): Promise<void>
}
