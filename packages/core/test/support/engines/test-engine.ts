import type { EngineName } from './features.ts'
import type { View } from './view.ts'

/** A database that the integration suites run on, and how it says what they want to say. */
export interface TestEngine {
  readonly name: EngineName
  /** As in a shard's configuration. */
  readonly client: string
  /** Whether sessions can be seen from outside. */
  readonly hasServer: boolean
  /** An empty database of the calling test file's own. @returns what a shard's `connection` is then */
  createDatabase(): Promise<string>
  /** Runs statements beside all pools. */
  runSql(connection: string, ...statements: string[]): Promise<void>
  /** A connection beside all pools, open until the current test has finished. */
  view(connection: string): Promise<View>
  /** What {@link TestSql.database} is there. */
  nameOf(connection: string): string
  /** The rows in what `db.raw` answers. */
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever was selected
  rows(answer: any): any[]
  /** The rows that the driver's own connection answers. */
  // biome-ignore lint/suspicious/noExplicitAny: as above, and each driver has a connection of its own
  query(connection: any, sql: string): Promise<any[]>
  /** An address at which there is no database. */
  readonly nowhere: string
  readonly sql: TestSql
  readonly traces: SessionTraces
}

/** What a lease can change of a session, and the next borrower could see. */
export interface SessionTraces {
  /** Statements whose answers describe the session. */
  readonly look: readonly string[]
  /** Statements that change it, by what they leave behind; the table `items` is there. */
  readonly dirt: Readonly<Record<string, readonly string[]>>
  /** A shard's `session`, and the statement that undoes it. */
  readonly declared: Readonly<Record<string, string | number>>
  readonly undeclare: string
}

export interface TestSql {
  /** Expression: which session this is, as a number. */
  readonly session: string
  /** Expression: which database this is. */
  readonly database: string
  /** A binding that is to be a whole number. */
  readonly int: string
  /** Type of a column that counts the rows. */
  readonly serial: string
  /** Changes the session, and an expression that is 'x' then, else ''. */
  readonly mark: { readonly set: string; readonly get: string }
  /** Expression: the transaction that is open, null when none is. */
  readonly transaction: string
  /** Expression over the table `numbers` that fails for the number 500. */
  readonly failsAt500: string
  /** What the driver calls that, and a table that is not there. */
  readonly failures: RegExp
  /** A table of the cursors that are open; undefined where no SQL shows them. */
  readonly cursors: string | undefined
  /** Statements: isolation level and read-only mode of the transaction, under PostgreSQL's names. */
  readonly isolation: string
  readonly readOnly: string
  /** Expression that takes so many seconds. */
  sleep(seconds: number): string
  /** What a statement that sleeps can be found by. */
  readonly sleeping: string
}
