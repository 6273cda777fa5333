import { connect, type Socket } from 'node:net'
import { Flow, type FlowOptions } from './flow.ts'
import { type Conversation, type Frame, Framer } from './framer.ts'
import type { Message } from './message.ts'
import type { Shape } from './shape.ts'

export interface ProxiedConnectionOptions {
  readonly client: Socket
  readonly to: { readonly host: string; readonly port: number }
  readonly shape: () => Shape
  readonly isWatched: () => boolean
  readonly onStart: (connection: ProxiedConnection, message: Message) => void
  readonly onEnd: (connection: ProxiedConnection, message: Message) => void
  /** The client has closed its side, or has been cut off. */
  readonly onClientGone: () => void
  /** No socket is left. */
  readonly onClosed: () => void
}

export type Direction = 'toServer' | 'toClient'

/** A client's socket, one to the server, and what flows between them. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #server: Socket
  readonly #flows: Readonly<Record<Direction, Flow>>
  readonly #abort = new AbortController()
  #isCut = false

  constructor(options: ProxiedConnectionOptions) {
    const { client, to, onClientGone, onClosed } = options
    this.#client = client
    this.#server = connect({ ...to, noDelay: true, allowHalfOpen: true })
    const conversation: Conversation = { encryption: 'none' }
    const common = this.#commonOptions(options)
    this.#flows = {
      toServer: new Flow({
        ...common,
        source: client,
        target: this.#server,
        framer: new Framer('client', conversation),
        lateMs: ({ toServerMs }) => toServerMs,
      }),
      toClient: new Flow({
        ...common,
        source: this.#server,
        target: client,
        framer: new Framer('server', conversation),
        lateMs: ({ toClientMs }) => toClientMs,
      }),
    }
    onceOf(client, ['end', 'close'], onClientGone)
    let open = 2
    for (const socket of [client, this.#server]) {
      // What an error means is said by 'close'.
      socket.on('error', () => {})
      socket.once('close', () => --open === 0 && onClosed())
    }
    // A server that cannot be reached is one that hangs up.
    this.#server.once('error', () => resetNow(this.#client))
    void Promise.all(Object.values(this.#flows).map((flow) => flow.run())).catch(() => this.reset())
  }

  /** Lets nothing pass any more, and tells nobody. @returns what lets everything held go on */
  hold(directions: readonly Direction[]): () => void {
    const opens = directions.map((direction) => this.#flows[direction].gate.close())
    return () => {
      for (const open of opens) open()
    }
  }

  /** Resets both sides, as a firewall does. */
  reset(): void {
    this.#isCut = true
    this.#abort.abort()
    resetNow(this.#client)
    resetNow(this.#server)
  }

  /** Resets the client's side; the server gets what was on its way, then the end. */
  cut(): void {
    this.#isCut = true
    resetNow(this.#client)
    this.#server.end()
    this.#server.resume()
  }

  #commonOptions({ shape, isWatched, onStart, onEnd }: ProxiedConnectionOptions) {
    return {
      shape,
      isWatched,
      signal: this.#abort.signal,
      mayStart: ({ message }: Frame) => this.#tell(onStart, message),
      mayFollow: ({ message }: Frame) => this.#tell(onEnd, message),
    } satisfies Partial<FlowOptions>
  }

  #tell(listener: ProxiedConnectionOptions['onStart'], message: Message | undefined): boolean {
    if (message !== undefined) listener(this, message)
    return !this.#isCut
  }
}

/**
 * A reset waits by itself until everything written has left; and libuv refuses one while the socket is being shut down,
 * whose handle Node then never closes.
 */
function resetNow(socket: Socket): void {
  if (!socket.writableEnded) socket.resetAndDestroy()
  socket.destroy()
}

function onceOf(socket: Socket, events: readonly string[], listener: () => void): void {
  let isFirst = true
  const once = () => {
    if (isFirst) listener()
    isFirst = false
  }
  for (const event of events) socket.once(event, once)
}
