import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'

/** What goes on on one socket over which requests come. */
interface Traffic {
  /** Answers that are not complete; more than one where requests are pipelined. */
  readonly open: Set<ServerResponse>
  /** The answer that announces the end of the connection. */
  announcing: ServerResponse | undefined
  bytesRead: number
  quietSince: number
}

/** A socket that has just been used stays for so long: its next request may be on its way. */
const LINGER_MS = 500
const LOOK_EVERY_MS = 50

/**
 * Brings Node's HTTP server to its end and loses no request that has reached it.
 *
 * Not by `http.Server#close()`: that destroys sockets whose answer has been given to `end()` but not been read yet, and
 * those whose next request is on its way (`closeIdleConnections` in
 * https://github.com/nodejs/node/blob/main/lib/_http_server.js).
 */
export class ServerDrain {
  readonly #server: Server
  readonly #carrier: 'connection' | 'secureConnection'
  readonly #sockets = new Set<Socket>()
  readonly #traffic = new Map<Socket, Traffic>()
  #isAnnounced = false
  #closed: Promise<void> | undefined

  /** Knows nothing of sockets that are open already: make it before the server listens, or right after. */
  constructor(server: Server) {
    this.#server = server
    this.#carrier = server instanceof TlsServer ? 'secureConnection' : 'connection'
    server.on('connection', this.#opened)
    server.on(this.#carrier, this.#carries)
    // Before the application, which may answer at once.
    server.prependListener('request', this.#began)
  }

  /** From now on answers that have not begun announce the end of their connection. */
  announce(): void {
    this.#isAnnounced = true
    for (const traffic of this.#traffic.values()) {
      const last = [...traffic.open].at(-1)
      if (last !== undefined) announceOn(last, traffic)
    }
  }

  /** Accepts no more connections, and closes each once it is idle. Settles when no HTTP is spoken any more. */
  async finish(): Promise<void> {
    this.announce()
    this.#closed = new Promise((resolve) => {
      // The error is that it has not been listening.
      NetServer.prototype.close.call(this.#server, () => resolve())
    })
    await new Promise<void>((resolve) => {
      const look = () => {
        this.#closeIdle()
        if (this.#traffic.size > 0) return
        clearInterval(timer)
        resolve()
      }
      const timer = setInterval(look, LOOK_EVERY_MS)
      look()
    })
  }

  /** Settles when every socket is closed, those of other protocols included. */
  async closed(): Promise<void> {
    await this.#closed
  }

  /** Destroys what is still open. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Leaves the server alone. */
  release(): void {
    this.#server.off('connection', this.#opened)
    this.#server.off(this.#carrier, this.#carries)
    this.#server.off('request', this.#began)
  }

  readonly #opened = (socket: Socket): void => {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  readonly #carries = (socket: Socket): void => {
    this.#traffic.set(socket, {
      open: new Set(),
      announcing: undefined,
      bytesRead: 0,
      quietSince: performance.now(),
    })
    socket.once('close', () => this.#traffic.delete(socket))
  }

  readonly #began = ({ socket }: IncomingMessage, res: ServerResponse): void => {
    const traffic = this.#traffic.get(socket)
    if (traffic === undefined) return
    traffic.open.add(res)
    res.once('close', () => {
      traffic.open.delete(res)
      traffic.quietSince = performance.now()
    })
    if (this.#isAnnounced) announceOn(res, traffic)
  }

  #closeIdle(): void {
    const now = performance.now()
    for (const [socket, traffic] of this.#traffic) {
      // Node takes its parser off a socket that goes over to another protocol.
      if ((socket as { parser?: unknown }).parser === null) this.#traffic.delete(socket)
      else if (isIdle(socket, traffic, now)) socket.destroySoon()
    }
  }
}

function isIdle(socket: Socket, traffic: Traffic, now: number): boolean {
  if (socket.bytesRead !== traffic.bytesRead) {
    traffic.bytesRead = socket.bytesRead
    traffic.quietSince = now
  }
  return traffic.open.size === 0 && now - traffic.quietSince >= LINGER_MS
}

/** Only the last answer of a socket may say so: Node drops those that are pipelined behind it. */
function announceOn(res: ServerResponse, traffic: Traffic): void {
  if (traffic.announcing?.headersSent === false) traffic.announcing.shouldKeepAlive = true
  traffic.announcing = res
  if (!res.headersSent) res.shouldKeepAlive = false
}
