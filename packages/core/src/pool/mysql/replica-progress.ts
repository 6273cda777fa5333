import type { ReplicaProgress } from '../engine.ts'
import { firstRow, type MysqlConnection } from './mysql-connection.ts'

/** No right to ask, or another word for it: ER_SPECIFIC_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_PARSE_ERROR. */
const CANNOT_TELL = new Set([1227, 1045, 1064])

/** MySQL since 8.0.22 and MariaDB since 10.5, and both of them before: the newer one gives up the older word in 8.4. */
const STATEMENTS = ['SHOW REPLICA STATUS', 'SHOW SLAVE STATUS']

/**
 * How far a replica is behind by its own word, in whole seconds: nothing while it does not replicate.
 * https://dev.mysql.com/doc/refman/8.4/en/show-replica-status.html
 */
export async function replicaProgress(connection: MysqlConnection): Promise<ReplicaProgress> {
  for (const statement of STATEMENTS) {
    try {
      const row = await firstRow(connection, statement)
      const seconds = row['Seconds_Behind_Source'] ?? row['Seconds_Behind_Master']
      const lagMs = seconds === null || seconds === undefined ? undefined : Number(seconds) * 1000
      return { position: undefined, lagMs }
    } catch (error) {
      if (!CANNOT_TELL.has((error as { errno: number }).errno)) throw error
    }
  }
  return { position: undefined, lagMs: undefined }
}
