import { runInRootContext } from '../../util/root-context.ts'
import type { KnexClient } from '../knex-internals.ts'
import type { PostgresConnection } from './postgres-connection.ts'

/**
 * Sends a CancelRequest on a socket of its own and waits until the server closes that socket: from then on the
 * request can hit no later query (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS).
 *
 * node-postgres's own `Client#cancel` is not used: it waits for nothing and lets a refused connection crash the
 * process.
 */
export function cancelOnServer(
  connection: PostgresConnection,
  client: KnexClient,
  timeoutMs: number,
): Promise<void> {
  return runInRootContext(
    () =>
      new Promise<void>((resolve, reject) => {
        const { host, port, ssl, processID, secretKey } = connection as PostgresConnection & CancelTarget
        const wire = new client.driver.Connection({ ssl })
        const timer = setTimeout(() => wire.stream.destroy(new Error('cancelling took too long')), timeoutMs)
        const send = () => wire.cancel(processID, secretKey)
        wire.on('connect', () => (ssl ? wire.requestSsl() : send()))
        wire.on('sslconnect', send)
        wire.on('error', (error: Error) => {
          clearTimeout(timer)
          reject(error)
        })
        wire.on('end', () => {
          clearTimeout(timer)
          resolve()
        })
        if (host.startsWith('/')) wire.connect(`${host}/.s.PGSQL.${port}`)
        else wire.connect(port, host)
      }),
  )
}

interface CancelTarget {
  readonly host: string
  readonly port: number
  readonly ssl: boolean | object
  readonly processID: number
  readonly secretKey: number
}
