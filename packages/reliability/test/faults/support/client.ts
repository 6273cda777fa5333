import { Agent, type IncomingMessage, request } from 'node:http'

export interface Answer {
  /** 0 when the connection ended without an answer. */
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: whatever the handler answered
  readonly body: any
  readonly headers: IncomingMessage['headers']
  readonly ms: number
}

export interface Question {
  /** @default 'acme' */
  readonly tenant?: string
  /** @default 'GET' */
  readonly method?: string
  /** Aborted, the client goes away. */
  readonly signal?: AbortSignal
}

/** An HTTP client with as many sockets as are needed at once. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true })
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  /** Settles with what has become of the request; never rejects. */
  ask(path: string, { tenant = 'acme', method = 'GET', signal }: Question = {}): Promise<Answer> {
    const since = performance.now()
    return new Promise((resolve) => {
      const lost = () => resolve({ status: 0, body: undefined, headers: {}, ms: performance.now() - since })
      const headers = { 'x-tenant-id': tenant }
      const asking = request({ port: this.#port, path, method, headers, agent: this.#agent, signal })
      asking.on('error', lost)
      asking.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('error', lost)
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const body = text === '' ? undefined : JSON.parse(text)
          const { statusCode: status = 0, headers } = response
          resolve({ status, body, headers, ms: performance.now() - since })
        })
      })
      asking.end()
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
