import { type Pragmas, rowsOf, type SqliteConnection } from './sqlite-connection.ts'

/**
 * The PRAGMAs that belong to a connection, can be read and can be set back (https://www.sqlite.org/pragma.html). Others
 * belong to the database, to the process, or to one transaction.
 */
const OF_A_CONNECTION = [
  'analysis_limit',
  'automatic_index',
  'busy_timeout',
  'cache_size',
  'cache_spill',
  'cell_size_check',
  'checkpoint_fullfsync',
  'foreign_keys',
  'fullfsync',
  'ignore_check_constraints',
  'journal_size_limit',
  'legacy_alter_table',
  'locking_mode',
  'mmap_size',
  'query_only',
  'read_uncommitted',
  'recursive_triggers',
  'reverse_unordered_selects',
  'secure_delete',
  'synchronous',
  'temp_store',
  'threads',
  'trusted_schema',
  'wal_autocheckpoint',
  'writable_schema',
]

/** The PRAGMAs of this connection, by name, as they are now; those that this SQLite knows. */
export function readPragmas(connection: SqliteConnection): Pragmas {
  const found: Record<string, unknown> = {}
  for (const name of OF_A_CONNECTION) {
    const [row] = rowsOf(connection, `PRAGMA ${name}`)
    if (row !== undefined) found[name] = Object.values(row)[0]
  }
  return found
}

/** Sets those back that have changed. */
export function restorePragmas(connection: SqliteConnection, baseline: Pragmas): void {
  const now = readPragmas(connection)
  const changed = Object.entries(baseline).filter(([name, value]) => now[name] !== value)
  for (const [name, value] of changed) connection.exec(`PRAGMA ${name} = ${value}`)
  if (changed.length === 0) return
  const after = readPragmas(connection)
  for (const [name, value] of changed) {
    if (after[name] !== value) throw new Error(`PRAGMA ${name} cannot be set back to ${value}`)
  }
}

/** Sets what a shard declares. SQLite itself says nothing about a name that it does not know. */
export function setPragma(connection: SqliteConnection, name: string, value: string): void {
  const known = rowsOf(connection, 'SELECT name FROM pragma_pragma_list').map((row) => row['name'])
  if (!known.includes(name.toLowerCase().replace(/^.*\./, ''))) {
    throw new Error(`\`session\` names "${name}", which is no PRAGMA of this SQLite`)
  }
  const literal = /^(?:-?\d+(?:\.\d+)?|\w+)$/.test(value) ? value : `'${value.replaceAll("'", "''")}'`
  connection.exec(`PRAGMA ${name} = ${literal}`)
}
