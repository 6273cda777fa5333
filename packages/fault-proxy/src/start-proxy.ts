import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { FaultProxy } from './fault-proxy.ts'

export interface ProxyOptions {
  /** URL of the server. */
  readonly to: string
}

/**
 * Starts a proxy in front of a PostgreSQL server, on a free port of the loopback interface. It passes everything on
 * until it is told otherwise.
 */
export async function startProxy({ to }: ProxyOptions): Promise<FaultProxy> {
  const listener = createServer({ allowHalfOpen: true, noDelay: true })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const proxy = new FaultProxy({ listener, port, to: new URL(to) })
  listener.on('connection', (client: Socket) => proxy.accept(client))
  return proxy
}
