import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type {
  CopyOptions,
  Kind,
  Reply,
  Request,
  Running,
  StartOptions,
  StopMode,
} from './supervisor/main.mjs'

// Plain JavaScript: it is started by node itself, whatever loader this file came through.
const MAIN = fileURLToPath(new URL('./supervisor/main.mjs', import.meta.url))

interface Pending {
  resolve(result: Running | undefined): void
  reject(error: Error): void
}

/** The owner's end of a supervisor process, which starts the server and ends it when the owner is gone. */
export class Supervisor {
  readonly #process: ChildProcess
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  #stopped: Promise<void> | undefined

  constructor(kind: Kind) {
    this.#process = fork(MAIN, [kind], {
      // In a process group of its own, Ctrl-C in the terminal reaches the owner alone.
      detached: true,
      // No loaders and no debugger port of the owner's, and no pipe of its that would stay open after its end.
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#process.on('message', (reply: Reply) => this.#settle(reply))
    this.#process.once('error', (error) => this.#rejectAll(error))
    this.#process.once('exit', () =>
      this.#rejectAll(new Error('The supervisor of the database server has ended.')),
    )
    this.#updateRef()
  }

  /** Of PostgreSQL alone: takes the data of a server that is in backup mode, for a start with its `backupLabel`. */
  async copy(options: CopyOptions): Promise<void> {
    await this.#orEnd(this.#call('copy', options))
  }

  start(options: StartOptions): Promise<Running> {
    return this.#orEnd(this.#call('start', options))
  }

  async #orEnd<T>(started: Promise<T>): Promise<T> {
    try {
      return await started
    } catch (error) {
      this.#process.disconnect()
      throw error
    }
  }

  restart(mode: StopMode): Promise<Running> {
    return this.#call('restart', { mode })
  }

  async halt(mode: StopMode): Promise<void> {
    await this.#call('halt', { mode })
  }

  async kill(): Promise<void> {
    await this.#call('kill')
  }

  /** Resolves when no process and no folder is left. A second call waits for the first. */
  stop(mode: StopMode): Promise<void> {
    this.#stopped ??= this.#stop(mode)
    return this.#stopped
  }

  async #stop(mode: StopMode): Promise<void> {
    await this.#call('stop', { mode })
    const exited = once(this.#process, 'exit')
    this.#process.ref()
    this.#process.disconnect()
    await exited
  }

  #call(method: Request['method'], argument?: Request['argument']): Promise<Running> {
    if (!this.#process.connected) return Promise.reject(new Error('The database server has been stopped.'))
    const id = ++this.#lastId
    const result = new Promise<Running>((resolve, reject) => {
      this.#pending.set(id, { resolve: (running) => resolve(running as Running), reject })
    })
    this.#updateRef()
    const request: Request = { id, method, argument }
    this.#process.send(request, (error) => {
      if (error !== null) this.#settle({ id, error: error.message })
    })
    return result
  }

  #settle({ id, result, error }: Reply): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    this.#updateRef()
    if (error === undefined) pending?.resolve(result)
    else pending?.reject(new Error(error))
  }

  #rejectAll(error: Error): void {
    for (const id of [...this.#pending.keys()]) this.#settle({ id, error: error.message })
  }

  /** Keeps the owner alive only while it waits for an answer. */
  #updateRef(): void {
    const verb = this.#pending.size > 0 ? 'ref' : 'unref'
    this.#process[verb]()
    this.#process.channel?.[verb]()
  }
}
