import { restorePragmas } from './pragmas.ts'
import { quoteName, rowsOf, type SqliteConnection } from './sqlite-connection.ts'

/** Brings a connection back to the state that it had after it was opened. Throws in doubt. */
export function resetSession(connection: SqliteConnection): void {
  endTransaction(connection)
  dropTemporary(connection)
  for (const row of rowsOf(connection, 'PRAGMA database_list')) {
    const name = String(row['name'])
    if (name !== 'main' && name !== 'temp') connection.exec(`DETACH ${quoteName(name)}`)
  }
  restorePragmas(connection, connection.baseline)
}

/**
 * The second half fails while a writing statement is stuck, as one of libsql's is that failed on a lock: nothing that is
 * written later would be committed then.
 */
export function endTransaction(connection: SqliteConnection): void {
  if (connection.inTransaction) connection.exec('ROLLBACK')
  connection.exec('BEGIN')
  connection.exec('COMMIT')
}

/** Triggers first: views and tables take theirs along. */
function dropTemporary(connection: SqliteConnection): void {
  const objects = rowsOf(
    connection,
    `SELECT type, name FROM sqlite_temp_master
     WHERE type IN ('trigger', 'view', 'table') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
     ORDER BY type = 'trigger' DESC, type = 'view' DESC`,
  )
  for (const { type, name } of objects)
    connection.exec(`DROP ${type} IF EXISTS temp.${quoteName(String(name))}`)
}
