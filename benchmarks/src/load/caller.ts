import { connect, type Socket } from 'node:net'

export interface Exchange {
  readonly request: Buffer
  /** The body that must come, to the byte, with status 200. */
  readonly answer: Buffer
}

interface Waiting {
  readonly answer: Buffer
  readonly settle: (problem: string | undefined) => void
}

const END_OF_HEAD = '\r\n\r\n'

/**
 * A keep-alive connection that sends one request after the other and compares every answer. It knows just enough of
 * HTTP for that, so that it takes little of the processor that it shares with the server under test.
 */
export class Caller {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #waiting: Waiting | undefined
  #isOpen = true

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.#socket.on('error', (error) => this.#settle(error.message))
    this.#socket.on('close', () => {
      this.#isOpen = false
      this.#settle('the server has closed the connection')
    })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** @returns undefined when the answer is the one expected, else what is wrong with it */
  exchange({ request, answer }: Exchange): Promise<string | undefined> {
    return new Promise((settle) => {
      this.#waiting = { answer, settle }
      this.#socket.write(request)
    })
  }

  /** Whatever is waited for will not come. */
  close(): void {
    this.#isOpen = false
    this.#socket.destroy()
    this.#settle('nobody waits any more')
  }

  #settle(problem: string | undefined): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.settle(problem)
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
    const answer = this.#waiting?.answer
    const isExpected = head.startsWith('HTTP/1.1 200') && answer !== undefined && body.equals(answer)
    this.#settle(isExpected ? undefined : `answered ${head.slice(9, 12)} ${body}, not 200 ${answer}`)
  }
}
