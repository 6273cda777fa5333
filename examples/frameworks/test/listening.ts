import { once } from 'node:events'
import type { Server } from 'node:http'
import { onTestFinished } from 'vitest'

/** Settles when the server listens; it is closed when the current test has finished. */
export async function listening(server: Server): Promise<Server> {
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  if (!server.listening) await once(server, 'listening')
  return server
}
