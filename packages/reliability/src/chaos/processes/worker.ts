import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Answer, Call, Calls } from './calls.ts'

interface Pending {
  resolve(result: never): void
  reject(error: Error): void
}

/** A process of this run's own, whose functions can be called. */
export class Worker<C extends Calls<C>> {
  readonly #process: ChildProcess
  readonly #pending = new Map<number, Pending>()
  #lastId = 0

  /** @param onMessage gets what the process sends without having been asked */
  constructor(file: URL, onMessage: (message: unknown) => void = () => {}) {
    this.#process = fork(fileURLToPath(file), [], {
      execArgv: ['--import', 'tsx', '--expose-gc'],
      // Warnings and errors of the process are counted; printed, they would only hide the report.
      stdio: ['ignore', 'ignore', process.env['SHERD_CHAOS_OUTPUT'] ? 'inherit' : 'ignore', 'ipc'],
    })
    this.#process.on('message', (message: Answer | object) => {
      if ('id' in message) this.#settle(message)
      else onMessage(message)
    })
    this.#process.once('exit', (code, signal) => {
      for (const { reject } of this.#pending.values())
        reject(new Error(`the process of ${file.pathname} has ended (${signal ?? code})`))
      this.#pending.clear()
    })
  }

  call<M extends keyof C & string>(method: M, ...args: Parameters<C[M]>): ReturnType<C[M]> {
    const id = ++this.#lastId
    const result = new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
    })
    this.#process.send({ id, method, argument: args[0] } satisfies Call)
    return result as ReturnType<C[M]>
  }

  /** Lets go of the process; it is expected to end by itself. @returns whether it did */
  async ends(withinMs: number): Promise<boolean> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return true
    const ended = once(this.#process, 'exit').then(() => true)
    if (this.#process.connected) this.#process.disconnect()
    const isOver = await Promise.race([ended, wait(withinMs, false)])
    if (!isOver) {
      this.#process.kill('SIGKILL')
      await ended
    }
    return isOver
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id)
    this.#pending.delete(answer.id)
    if ('error' in answer) pending?.reject(new Error(answer.error))
    else pending?.resolve(answer.result as never)
  }
}
