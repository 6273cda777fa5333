import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { ShutdownOptions } from '@sherd/core/adapter'
import { createDatabase } from '@sherd/local-servers/test-database'
import { bound } from '@sherd/local-servers/test-scale'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { RawClient } from '../../core/test/adapter/serve.ts'
import { runSql } from '../../core/test/support/run-sql.ts'
import { ServerView } from '../../core/test/support/server-view.ts'
import { until } from '../../core/test/support/until.ts'

const url = await createDatabase()
const ACME = { 'x-tenant-id': 'acme' }

/** An application in a process of its own. */
class Application {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown[]>
  readonly lines: string[] = []
  port = 0

  constructor(module: string, args: readonly string[], options: ShutdownOptions) {
    const env = { ...process.env, DATABASE_URL: url, SHUTDOWN_OPTIONS: JSON.stringify(options) }
    this.#child = spawn(process.execPath, ['--import', 'tsx', module, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#exited = once(this.#child, 'exit')
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.lines.push(line)
    })
    onTestFinished(() => void this.#child.kill('SIGKILL'))
  }

  async start(): Promise<this> {
    const line = (await until(() => this.lines.find((each) => each.startsWith('port ')))) as string
    this.port = Number(line.slice('port '.length))
    return this
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  isEnding(): Promise<boolean> {
    return until(() => this.lines.includes('ending'))
  }

  /** The exit code, or the signal that ended the process. */
  async end(): Promise<number | NodeJS.Signals> {
    const [code, signal] = await this.#exited
    return (code ?? signal) as number | NodeJS.Signals
  }

  /** Settles with the complete answer; rejects when there is none. */
  ask(path: string, agent?: Agent): Promise<{ response: IncomingMessage; text: string }> {
    return new Promise((resolve, reject) => {
      const request = get(
        { port: this.port, path, headers: ACME, ...(agent && { agent }) },
        async (response) => {
          try {
            let text = ''
            for await (const chunk of response) text += chunk
            resolve({ response, text })
          } catch (error) {
            reject(error)
          }
        },
      )
      request.on('error', reject)
    })
  }
}

/**
 * What `shutdownOnSignals` has to do. `module` is a program that serves what `shutdown-app.ts` describes:
 * `/work/:id`, `/lines/:id`, `/hang/:id` and `/big`, which answers with 30 MB.
 */
export function describeShutdown(name: string, module: string, ...args: string[]): void {
  describe.skipIf(process.platform === 'win32')(`shutdownOnSignals with ${name}`, () => {
    beforeEach(() =>
      runSql(
        url,
        'drop table if exists accepted, done',
        'create table accepted (id text primary key); create table done (id text primary key)',
      ),
    )
    const start = (options: ShutdownOptions = {}) => new Application(module, args, options).start()
    const idsIn = async (view: ServerView, table: string) =>
      (await view.query<{ id: string }>(`select id from ${table}`)).map(({ id }) => id)

    it('fault 24: loses no accepted request under load with open streams, and the process ends by itself', async () => {
      const app = await start()
      const view = await ServerView.open(url)
      const answered = new Map<string, string>()
      let isRefused = false
      const clients = Array.from({ length: 12 }, async (_, client) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 })
        for (let number = 0; !isRefused; number++) {
          const id = `${client}-${number}`
          try {
            const { response, text } = await app.ask(`/${client % 4 === 0 ? 'lines' : 'work'}/${id}`, agent)
            if (response.statusCode === 200) answered.set(id, text)
          } catch {
            isRefused = await isClosed(app.port)
          }
        }
        agent.destroy()
      })
      await until(() => answered.size > 50)
      const before = answered.size
      app.kill('SIGTERM')
      await Promise.all(clients)
      expect(await app.end()).toBe(0)
      expect(answered.size).toBeGreaterThan(before)
      const accepted = await idsIn(view, 'accepted')
      expect(accepted.filter((id) => !answered.has(id))).toEqual([])
      const isStream = (id: string) => Number(id.split('-')[0]) % 4 === 0
      for (const [id, text] of answered) {
        expect(text).toBe(isStream(id) ? Array.from({ length: 20 }, (_, n) => `${n + 1}\n`).join('') : id)
      }
      const done = new Set(await idsIn(view, 'done'))
      expect([...answered.keys()].filter((id) => !isStream(id) && !done.has(id))).toEqual([])
      expect(await view.sessions()).toEqual([])
    })

    it('says `Connection: close` on what it answers, and closes idle sockets', async () => {
      const app = await start()
      const agent = new Agent({ keepAlive: true })
      onTestFinished(() => agent.destroy())
      const { response } = await app.ask('/work/first', agent)
      expect(response.headers.connection).toBe('keep-alive')
      const lines = app.ask('/lines/second', agent)
      const idle = new RawClient(app.port)
      idle.request('GET /work/fourth', 'x-tenant-id: acme')
      await idle.receive(/fourth/)
      // Its next request is on its way when the signal comes.
      app.kill('SIGTERM')
      await app.isEnding()
      idle.request('GET /work/fifth', 'x-tenant-id: acme')
      expect(await idle.receive(/fifth/)).toMatch(/connection: close/i)
      expect((await lines).text).toMatch(/^20$/m)
      expect(await app.end()).toBe(0)
    })

    it('answers pipelined requests to the last, which announces the end of the connection', async () => {
      const app = await start()
      const view = await ServerView.open(url)
      const client = new RawClient(app.port)
      const ask = (id: string) => client.request(`GET /work/${id}`, 'x-tenant-id: acme')
      for (const id of ['slow-1', 'slow-2', 'slow-3']) ask(id)
      await until(async () => (await idsIn(view, 'accepted')).length === 3)
      app.kill('SIGTERM')
      await app.isEnding()
      ask('slow-4')
      const answers = (await client.receive(/slow-4$/)).split('HTTP/1.1 ').slice(1)
      expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['200', '200', '200', '200'])
      expect(answers.map((answer) => /^connection: close\r$/im.test(answer))).toEqual([
        false,
        false,
        false,
        true,
      ])
      expect(await app.end()).toBe(0)
    })

    it('sends an answer to its end that is read slowly', async () => {
      const app = await start()
      const client = new RawClient(app.port)
      client.request('GET /big', 'x-tenant-id: acme')
      await client.receive(/HTTP\/1.1 200/)
      client.socket.pause()
      let bytes = 0
      client.socket.on('data', (text: string) => {
        bytes += text.length
      })
      client.socket.pause()
      app.kill('SIGTERM')
      await app.isEnding()
      // Node's own close would have destroyed the socket by now.
      await delay(700)
      client.socket.resume()
      await once(client.socket, 'close')
      expect(bytes).toBeGreaterThan(29_000_000)
      expect(await app.end()).toBe(0)
    })

    it('cuts off what takes longer than its grace, stops it on the server, and ends with exit code 1', async () => {
      const app = await start({ graceMs: 200, closeDeadlineMs: 1000 })
      const view = await ServerView.open(url)
      const hangs = ['h1', 'h2'].map((id) => app.ask(`/hang/${id}`).catch((error) => error.code))
      // Says nothing at all.
      const silent = new RawClient(app.port)
      await until(async () => (await idsIn(view, 'accepted')).length === 2)
      const since = performance.now()
      app.kill('SIGINT')
      expect(await app.end()).toBe(1)
      expect(performance.now() - since).toBeLessThan(bound(1200))
      expect(await Promise.all(hangs)).toEqual(['ECONNRESET', 'ECONNRESET'])
      await until(() => silent.socket.destroyed)
      expect(await view.sessions()).toEqual([])
    })

    it('goes on serving for delayMs, and says in its signal that it is about to end', async () => {
      const app = await start({ delayMs: 1000 })
      app.kill('SIGTERM')
      await app.isEnding()
      const { response, text } = await app.ask('/work/late')
      expect([response.statusCode, text]).toEqual([200, 'late'])
      expect(response.headers.connection).toBe('close')
      expect(await app.end()).toBe(0)
    })

    it('ends at once, by the signal, when a second one comes', async () => {
      const app = await start({ graceMs: 60_000 })
      const view = await ServerView.open(url)
      const hangs = app.ask('/hang/h1').catch((error) => error.code)
      await until(async () => (await idsIn(view, 'accepted')).length === 1)
      app.kill('SIGTERM')
      await app.isEnding()
      // Ctrl-C under npm is one signal that comes twice.
      app.kill('SIGINT')
      await delay(600)
      app.kill('SIGINT')
      expect(await app.end()).toBe('SIGINT')
      expect(await hangs).toBe('ECONNRESET')
      // The price of ending at once.
      for (const { pid } of await view.sessions()) await view.terminate(pid)
      await until(async () => (await view.sessions()).length === 0)
    })
  })
}

function isClosed(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', () => resolve(true))
  })
}
