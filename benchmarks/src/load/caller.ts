import { connect, type Socket } from 'node:net'

export interface Exchange {
  readonly request: Buffer
  /** The body that must come, to the byte, with status 200. */
  readonly answer: Buffer
}

const END_OF_HEAD = '\r\n\r\n'

/**
 * A keep-alive connection that sends one request after the other and compares every answer. It knows just enough of
 * HTTP for that, so that it takes little of the processor that it shares with the server under test.
 */
export class Caller {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #waiting: { resolve(): void; reject(error: Error): void; answer: Buffer } | undefined

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.#socket.on('error', (error) => this.#waiting?.reject(error))
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the server has closed the connection')))
  }

  /** Settles when the answer is there. Rejects if it is another than the one expected. */
  exchange({ request, answer }: Exchange): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, answer }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const endOfHead = this.#received.indexOf(END_OF_HEAD)
    if (endOfHead === -1) return
    const head = this.#received.toString('latin1', 0, endOfHead)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
    const from = endOfHead + END_OF_HEAD.length
    if (this.#received.length < from + length) return
    const body = this.#received.subarray(from, from + length)
    this.#received = this.#received.subarray(from + length)
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) return
    if (head.startsWith('HTTP/1.1 200') && body.equals(waiting.answer)) waiting.resolve()
    else waiting.reject(new Error(`answered ${head.slice(9, 12)} ${body}, not ${waiting.answer}`))
  }
}
