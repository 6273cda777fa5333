import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Calls `callback` when the answer is complete or its client has gone away, whichever comes first; sometimes twice.
 *
 * `close` of the response is emitted in every case: an answer, a client that leaves, a handler that never answers, a
 * socket taken over. Only not on a response that waits behind another where requests are pipelined: it has no socket
 * yet, and is told nothing when that closes (`assignSocket` in https://github.com/nodejs/node/blob/main/lib/_http_server.js).
 */
export function whenGone(req: IncomingMessage, res: ServerResponse, callback: () => void): void {
  res.once('close', callback)
  if (res.socket !== null || res.writableEnded) return
  const { socket } = req
  listenersOf(socket).add(callback)
  res.once('close', () => listenersOf(socket).delete(callback))
}

export function isGone(req: IncomingMessage, res: ServerResponse): boolean {
  return res.closed || res.destroyed || req.socket.destroyed
}

const listeners = new WeakMap<Socket, Set<() => void>>()

/** One listener of the socket for any number of requests: more than ten would make Node warn of a leak. */
function listenersOf(socket: Socket): Set<() => void> {
  let own = listeners.get(socket)
  if (own === undefined) {
    const created = new Set<() => void>()
    socket.once('close', () => {
      for (const callback of created) callback()
    })
    listeners.set(socket, created)
    own = created
  }
  return own
}
