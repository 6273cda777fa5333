import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A listening server for the current test; `port` is its port on this machine. */
export async function serve(listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

/** A client that sends exactly what it is told to, and shows what came back. */
export class RawClient {
  readonly socket: Socket
  #received = ''
  #listener = () => {}

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.setEncoding('latin1')
    this.socket.on('data', (text: string) => {
      this.#received += text
      this.#listener()
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.#listener())
    onTestFinished(() => {
      this.socket.destroy()
    })
  }

  get received(): string {
    return this.#received
  }

  send(...lines: string[]): void {
    this.socket.write(lines.join('\r\n'))
  }

  /** A request without a body. */
  request(line: string, ...headers: string[]): void {
    this.send(`${line} HTTP/1.1`, 'host: localhost', ...headers, '', '')
  }

  /** Settles when `pattern` occurs in what has been received since the last call; returns everything up to it. */
  async receive(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#received)
      if (match !== null) {
        const end = match.index + match[0].length
        const text = this.#received.slice(0, end)
        this.#received = this.#received.slice(end)
        return text
      }
      if (this.socket.destroyed) throw new Error(`closed before ${pattern}: ${this.#received}`)
      await new Promise<void>((resolve) => {
        this.#listener = resolve
      })
    }
  }
}
