/** The databases that the integration suites run on. */
export const ENGINES = ['PostgreSQL', 'MariaDB', 'SQLite (libsql)', 'SQLite (better-sqlite3)'] as const
export type EngineName = (typeof ENGINES)[number]

/** What a test may need that not every database has. Each test that needs it says so by this name. */
export type Feature =
  | 'SERVER'
  | 'CURSORS'
  | 'HELD_CURSORS'
  | 'WRITES_IN_QUERIES'
  | 'TRANSACTIONAL_DDL'
  | 'ABORTED_TRANSACTIONS'
  | 'DEFERRED_CONSTRAINTS'
  | 'SLOW_COMMIT'
  | 'TWO_WRITERS'
  | 'TRANSACTION_STATES'
  | 'ISOLATION_LEVELS'
  | 'EVENTS'
  | 'NOTICES'
  | 'COUNTED_ROLLBACKS'

/** In words, as docs/databases.md has them. */
export const FEATURES: Readonly<Record<Feature, string>> = {
  SERVER: 'What concerns a statement that runs on the server, or a session that the server ends',
  CURSORS: 'Queries inside a loop over a stream',
  HELD_CURSORS: 'Cursors that the server keeps outside of transactions',
  WRITES_IN_QUERIES: 'Streams of rows that a write inside of a query returns',
  TRANSACTIONAL_DDL: 'Schema changes inside a transaction that is rolled back',
  ABORTED_TRANSACTIONS: 'A COMMIT that the server answers with ROLLBACK',
  DEFERRED_CONSTRAINTS: 'A COMMIT that fails on a deferred constraint',
  SLOW_COMMIT: 'A COMMIT during which the session is killed',
  TWO_WRITERS: 'A write beside an open transaction of another connection',
  TRANSACTION_STATES: 'Which sessions are in a transaction, seen from outside',
  ISOLATION_LEVELS: 'Isolation level and read-only mode of a transaction',
  EVENTS: 'Events of a raw connection after its lease',
  NOTICES: 'What a server says by itself, to listeners on a raw connection',
  COUNTED_ROLLBACKS: 'Rollbacks of what a lease has left open, counted in stats()',
}

const IN_PROCESS =
  'there is no server: a statement runs inside of the process, which does nothing else meanwhile'

const SQLITE: Partial<Record<Feature, string>> = {
  SERVER: IN_PROCESS,
  HELD_CURSORS: 'a result is read at once',
  WRITES_IN_QUERIES: 'its SQL has no writes inside of queries',
  ABORTED_TRANSACTIONS: 'a failed statement does not fail its transaction',
  DEFERRED_CONSTRAINTS: 'only foreign keys can be deferred; see below',
  SLOW_COMMIT: IN_PROCESS,
  TWO_WRITERS: 'there is one lock for all who write: the second waits for the first',
  TRANSACTION_STATES: IN_PROCESS,
  ISOLATION_LEVELS: 'transactions are serialisable, whatever is asked for',
  EVENTS: 'connections have no events',
  NOTICES: 'connections have no events',
}

/** What an engine cannot do, and why: the tests that need it are skipped there. The one place that says so. */
export const CANNOT: Readonly<Record<EngineName, Partial<Record<Feature, string>>>> = {
  PostgreSQL: {},
  MariaDB: {
    CURSORS: 'the driver reads a result as one answer, which keeps the connection until its end',
    HELD_CURSORS: 'the driver knows no cursors',
    WRITES_IN_QUERIES: 'its SQL has no writes inside of queries',
    TRANSACTIONAL_DDL: 'a schema change commits the transaction that it stands in',
    ABORTED_TRANSACTIONS: 'a failed statement does not fail its transaction',
    SLOW_COMMIT: 'no statement of the user runs with a COMMIT',
    DEFERRED_CONSTRAINTS: 'constraints are checked with each statement',
    TRANSACTION_STATES: 'the server shows no list of them that is fresh',
    ISOLATION_LEVELS: 'a transaction does not tell its own; tested by what it does instead',
    NOTICES: 'the server says nothing by itself',
    COUNTED_ROLLBACKS: 'the reset of a session does not say whether a transaction was open',
  },
  'SQLite (libsql)': SQLITE,
  'SQLite (better-sqlite3)': SQLITE,
}
