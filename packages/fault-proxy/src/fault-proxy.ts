import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { type Cut, type CutOptions, cutAt } from './cut.ts'
import { type Fault, fault } from './fault.ts'
import type { MessagePattern } from './message.ts'
import { type Direction, ProxiedConnection } from './proxied-connection.ts'
import { type Shape, STRAIGHT } from './shape.ts'
import type { Boundary } from './trap.ts'
import { Traps } from './traps.ts'

export interface BlackHoleOptions {
  /** @default 'all' */
  readonly connections?: 'open' | 'new' | 'all'
  /** @default both */
  readonly directions?: readonly Direction[]
}

const BOTH: readonly Direction[] = ['toServer', 'toClient']

/** A proxy in front of one PostgreSQL server: {@link startProxy} makes one. Every fault can be healed. */
export class FaultProxy implements AsyncDisposable {
  readonly port: number
  /** The server's URL, by way of the proxy. */
  readonly url: string
  readonly #to: URL
  readonly #listener: Server
  readonly #connections = new Set<ProxiedConnection>()
  readonly #traps = new Traps<ProxiedConnection>()
  readonly #holes = new Set<{ readonly directions: readonly Direction[]; readonly opens: (() => void)[] }>()
  #shape: Shape = STRAIGHT
  #opened = 0
  #closed = 0

  constructor({ listener, port, to }: { listener: Server; port: number; to: URL }) {
    this.#listener = listener
    this.port = port
    this.#to = to
    this.url = this.urlOf(to.href)
  }

  /** Another URL of the same server, by way of the proxy. */
  urlOf(url: string): string {
    const through = new URL(url)
    through.host = `127.0.0.1:${this.port}`
    return through.href
  }

  /** Connections of clients, requests to cancel included: those that they have not closed, and all so far. */
  get connections(): { readonly open: number; readonly opened: number } {
    return { open: this.#opened - this.#closed, opened: this.#opened }
  }

  /** Changes how bytes travel from now on; several changes add up. */
  shape(change: Partial<Shape>): Fault {
    const before = this.#shape
    this.#shape = { ...before, ...change }
    return fault(() => {
      this.#shape = before
    })
  }

  /**
   * Lets nothing pass, while all sockets stay open. New connections are accepted and get no answer. Healed, everything
   * held goes on.
   */
  blackHole({ connections = 'all', directions = BOTH }: BlackHoleOptions = {}): Fault {
    const hole = { directions, opens: [] as (() => void)[] }
    if (connections !== 'new')
      for (const connection of this.#connections) hole.opens.push(connection.hold(directions))
    if (connections !== 'open') this.#holes.add(hole)
    return fault(() => {
      this.#holes.delete(hole)
      for (const open of hole.opens) open()
    })
  }

  /** Refuses new connections, as a machine does on which no server runs. */
  refuse(): { heal(): Promise<void> } {
    // Its callback would wait for the connections that are there.
    this.#listener.close()
    return {
      heal: async () => {
        this.#listener.listen(this.port, '127.0.0.1')
        await once(this.#listener, 'listening')
      },
    }
  }

  /** Resets all connections. @returns how many */
  reset(): number {
    const connections = [...this.#connections]
    for (const connection of connections) connection.reset()
    return connections.length
  }

  /** Cuts the next connection that comes to this boundary. */
  cut(at: Boundary, options?: CutOptions): Cut {
    return cutAt(this.#traps, at, options)
  }

  /** Counts the messages that match, from now on. */
  count(pattern: MessagePattern): Fault & { readonly count: number } {
    let count = 0
    const counting = this.#traps.add({ after: pattern }, () => count++)
    return {
      ...counting,
      get count() {
        return count
      },
    }
  }

  /** Ends all connections and stops listening. */
  async close(): Promise<void> {
    const closed = this.#listener.listening ? once(this.#listener, 'close') : undefined
    this.#listener.close()
    this.reset()
    await closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** For the listener. */
  accept(client: Socket): void {
    this.#opened++
    const { hostname, port } = this.#to
    const connection = new ProxiedConnection({
      client,
      to: { host: hostname, port: Number(port) },
      shape: () => this.#shape,
      isWatched: () => !this.#traps.isEmpty,
      onStart: (from, message) => this.#traps.starts(from, message),
      onEnd: (from, message) => this.#traps.ended(from, message),
      onClientGone: () => this.#closed++,
      onClosed: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    for (const { directions, opens } of this.#holes) opens.push(connection.hold(directions))
  }
}
