import type { RawConnection } from '../raw-connection.ts'

/** By name, without `PRAGMA`. */
export type Pragmas = Readonly<Record<string, unknown>>

/** What better-sqlite3 and libsql have in common, as far as it is used here. Everything runs before it returns. */
export interface SqliteConnection extends RawConnection {
  readonly open: boolean
  readonly inTransaction: boolean
  prepare(sql: string): SqliteStatement
  exec(sql: string): unknown
  close(): unknown
  defaultSafeIntegers(toggle: boolean): unknown
  /** How long a statement may wait for another connection's lock. */
  patienceMs: number
  /** What the session is brought back to. */
  baseline: Pragmas
}

export interface SqliteStatement {
  /** Whether it answers with rows. */
  readonly reader: boolean
  all(bindings: readonly unknown[]): Record<string, unknown>[]
  run(bindings: readonly unknown[]): { readonly changes: number; readonly lastInsertRowid: unknown }
  safeIntegers(toggle: boolean): unknown
}

/** Whether a transaction is open. libsql ends the process when a closed connection is asked. */
export function isInTransaction(connection: SqliteConnection): boolean {
  return connection.open && connection.inTransaction
}

export function rowsOf(connection: SqliteConnection, sql: string): Record<string, unknown>[] {
  return connection.prepare(sql).all([])
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
