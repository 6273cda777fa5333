import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Calls `callback` when the answer is complete or its client has gone away, whichever comes first; sometimes twice.
 *
 * The response emits `close` for an answer, a client that leaves and a handler that never answers, but not after
 * somebody has taken its socket over, nor while it waits behind another where requests are pipelined: it has no socket
 * then and is told nothing (`assignSocket` in https://github.com/nodejs/node/blob/main/lib/_http_server.js). The
 * socket's own `close` comes in every case.
 */
export function whenGone({ socket }: IncomingMessage, res: ServerResponse, callback: () => void): void {
  const callbacks = callbacksOf(socket)
  callbacks.add(callback)
  res.once('close', () => {
    callbacks.delete(callback)
    callback()
  })
}

export function isGone(req: IncomingMessage, res: ServerResponse): boolean {
  return res.closed || res.destroyed || req.socket.destroyed
}

const registry = new WeakMap<Socket, Set<() => void>>()

/** One listener of the socket for any number of requests: more than ten would make Node warn of a leak. */
function callbacksOf(socket: Socket): Set<() => void> {
  let callbacks = registry.get(socket)
  if (callbacks === undefined) {
    const created = new Set<() => void>()
    socket.once('close', () => {
      for (const callback of created) callback()
    })
    registry.set(socket, created)
    callbacks = created
  }
  return callbacks
}
