import { Agent, get, type IncomingMessage } from 'node:http'

/** A worker that is known to have been killed, and when. */
export interface Kill {
  readonly pid: number
  readonly at: number
}

export interface Failure {
  readonly what: string
  /** The worker that the connection led to; undefined before its first answer. */
  readonly pid: number | undefined
  readonly from: number
  readonly to: number
}

interface Answer {
  readonly status: number
  readonly worker: number
  readonly shard: string
}

/** A new connection may be handed to a worker that is dead, as long as the primary has not noticed. */
const NOTICED_MS = 1000

/** A caller with one connection, and a new one now and then: the primary gives each to some worker. */
export class Client {
  readonly #url: string
  readonly failures: Failure[] = []
  readonly workers = new Set<number>()
  served = 0
  #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  #worker: number | undefined

  constructor(url: string) {
    this.#url = url
  }

  async ask(tenant: string, shard: string): Promise<void> {
    const from = performance.now()
    const failed = (what: string) => {
      this.failures.push({ what, pid: this.#worker, from, to: performance.now() })
      this.reconnect()
    }
    try {
      const answer = await this.#get(tenant)
      if (answer.status !== 200) return failed(`status ${answer.status}`)
      if (answer.shard !== shard) return failed(`${tenant} was on ${answer.shard}`)
      this.#worker = answer.worker
      this.workers.add(answer.worker)
      this.served++
      if (this.served % 20 === 0) this.reconnect()
    } catch (error) {
      failed((error as NodeJS.ErrnoException).code ?? String(error))
    }
  }

  reconnect(): void {
    this.#agent.destroy()
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1 })
    this.#worker = undefined
  }

  #get(tenant: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, headers: { 'x-tenant-id': tenant }, timeout: 5000 }
      const request = get(`${this.#url}/work`, options, (response) => {
        read(response).then((body) => resolve({ ...body, status: response.statusCode ?? 0 }), reject)
      })
      request.on('timeout', () => request.destroy(Object.assign(new Error('no answer'), { code: 'TIMEOUT' })))
      request.on('error', reject)
    })
  }
}

/** Whether a request failed for no other reason than that its worker was killed. */
export function wasKilled({ what, pid, from, to }: Failure, kills: readonly Kill[]): boolean {
  if (what.startsWith('status') || what.includes(' was on ')) return false
  return kills.some((kill) =>
    pid === undefined ? kill.at > from - NOTICED_MS && kill.at < to : kill.pid === pid,
  )
}

async function read(response: IncomingMessage): Promise<Omit<Answer, 'status'>> {
  let text = ''
  for await (const chunk of response) text += chunk
  return JSON.parse(text)
}
