import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Express } from 'express'

const PATIENCE_MS = 2000

export interface Listening extends AsyncDisposable {
  readonly url: string
}

/** Serves the application on a free port of the loopback interface. */
export async function listen(app: Express): Promise<Listening> {
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    /** Lets requests under way finish, for a while. */
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      const timer = setTimeout(() => server.closeAllConnections(), PATIENCE_MS)
      await closed
      clearTimeout(timer)
    },
  }
}
