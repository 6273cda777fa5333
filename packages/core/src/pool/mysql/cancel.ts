import { runInRootContext } from '../../util/root-context.ts'
import { within } from '../../util/within.ts'
import type { KnexClient } from '../knex-internals.ts'
import { firstRow, type MysqlConnection, send, settled } from './mysql-connection.ts'
import { SERVER } from './session-baseline.ts'

/**
 * Sends `KILL QUERY` on a connection of its own and waits for the answer. The server has marked the session by then,
 * and drops the mark when the statement ends; a session that runs nothing is not marked at all
 * (https://dev.mysql.com/doc/refman/8.4/en/kill.html). So it can hit no later query.
 *
 * Sessions are numbered by each server for itself: behind an address with several servers the number could be somebody
 * else's, so the server is asked who it is first.
 */
export function cancelOnServer(
  victim: MysqlConnection,
  client: KnexClient,
  timeoutMs: number,
): Promise<void> {
  return runInRootContext(async () => {
    const wire: MysqlConnection = client.driver.createConnection(client.connectionSettings)
    wire.on('error', () => {})
    const kill = async () => {
      await settled((done) => wire.connect(done))
      const { server } = await firstRow(wire, `SELECT ${SERVER} AS server`)
      if (server !== victim.baseline.server)
        throw new Error('this is another server than the one of the query')
      await send(wire, `KILL QUERY ${victim.threadId}`)
    }
    try {
      await within(timeoutMs, kill())
    } finally {
      wire.destroy()
      wire.stream.destroy()
    }
  })
}
