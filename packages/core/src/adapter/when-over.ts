import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { LinkedList, ListNode } from '../util/linked-list.ts'

/** How an exchange ends. */
export interface Endings {
  /** `end()` has been called: as far as the application is concerned the answer is complete. */
  readonly answered: () => void
  /** The client has gone away, or nothing can be answered any more; sometimes told after an answer, too. */
  readonly gone: () => void
}

/**
 * Tells how a request ends. Not by `finish`, which waits for a slow reader, nor by the response's `close`, which does not
 * come when somebody has taken its socket over: neither needs a connection.
 *
 * A response that has its socket says `prefinish` in `end()`, and nothing but the end of that socket ends it otherwise. One
 * that waits behind another, where requests are pipelined, has no socket and is told nothing until then (`assignSocket` in
 * https://github.com/nodejs/node/blob/main/lib/_http_server.js), and one of HTTP/2 has none of its own: their `end` is
 * replaced. Not everybody's: Express gives each response a shape of its own, so that a property more takes four
 * microseconds on Node 20, a listener one.
 */
export function whenOver(
  { socket }: IncomingMessage,
  res: ServerResponse,
  { answered, gone }: Endings,
): void {
  const exchanges = exchangesOn(socket)
  const exchange = new ListNode(gone)
  exchanges.add(exchange)
  if (res instanceof ServerResponse && res.socket === socket) {
    res.once('prefinish', () => {
      exchanges.delete(exchange)
      answered()
    })
    return
  }
  replaceEnd(res, answered)
  res.once('close', () => {
    exchanges.delete(exchange)
    gone()
  })
}

export function isGone(req: IncomingMessage, res: ServerResponse): boolean {
  return res.destroyed || req.socket.destroyed
}

type Exchanges = LinkedList<ListNode<() => void>>

const registry = new WeakMap<Socket, Exchanges>()

/** One listener of the socket for any number of requests: more than ten would make Node warn of a leak. */
function exchangesOn(socket: Socket): Exchanges {
  let exchanges = registry.get(socket)
  if (exchanges === undefined) {
    const created: Exchanges = new LinkedList()
    socket.once('close', () => {
      for (const { item: gone } of created) gone()
    })
    registry.set(socket, created)
    exchanges = created
  }
  return exchanges
}

function replaceEnd(res: ServerResponse, answered: () => void): void {
  const { end } = res
  const answering = function (this: ServerResponse, ...args: Parameters<ServerResponse['end']>) {
    const result = Reflect.apply(end, this, args)
    // Node keeps responses for longer than they last: they should not keep what the callback leads to.
    if (res.end === answering) res.end = end
    answered()
    return result
  } as ServerResponse['end']
  res.end = answering
}
