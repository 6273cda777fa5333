import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answer, Call, Calls } from './calls.ts'

const DIST = new URL('../../dist/', import.meta.url)
/**
 * A process that is idle for eight seconds, because it is the others' turn, would collect its garbage and with it the shapes
 * of requests, for good: from then on it would be a third slower than one that was not
 * (https://github.com/v8/v8/blob/main/src/heap/memory-reducer.h).
 */
const FLAGS = ['--no-memory-reducer', '--expose-gc', '--enable-source-maps', '--no-deprecation']
/** For a process that has been told to end. */
const END_WITHIN_MS = 5000

export interface ProcessOptions {
  /** @default this process's own */
  readonly node?: string | undefined
  readonly flags?: readonly string[]
}

let profiles: string | undefined
let profiled = 0

/** From now on each process leaves a profile in this folder. */
export function profileTo(folder: string): void {
  profiles = folder
}

function profiling(entry: string): readonly string[] {
  if (profiles === undefined) return []
  const name = `${String(++profiled).padStart(2, '0')}-${entry}.cpuprofile`
  return ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${name}`]
}

interface Pending {
  resolve(result: never): void
  reject(error: Error): void
}

/** A process of its own for what is measured, from the bundle, and the functions that it offers. */
export class MeasuredProcess<C extends Calls<C>> {
  readonly #child: ChildProcess
  readonly #pending = new Map<number, Pending>()
  #lastId = 0

  constructor(entry: string, { node = process.execPath, flags = [] }: ProcessOptions = {}) {
    this.#child = fork(fileURLToPath(new URL(`${entry}.mjs`, DIST)), [], {
      execPath: node,
      execArgv: [...FLAGS, ...profiling(entry), ...flags],
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child.on('message', (answer: Answer) => this.#settle(answer))
    this.#child.once('exit', (code, signal) => {
      for (const { reject } of this.#pending.values())
        reject(new Error(`the process "${entry}" has ended (${signal ?? code})`))
      this.#pending.clear()
    })
  }

  call<M extends keyof C & string>(method: M, ...args: Parameters<C[M]>): ReturnType<C[M]> {
    const id = ++this.#lastId
    const result = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }))
    this.#child.send({ id, method, argument: args[0] } satisfies Call)
    return result as ReturnType<C[M]>
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_WITHIN_MS)
    await ended
    clearTimeout(timer)
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id)
    this.#pending.delete(answer.id)
    if ('error' in answer) pending?.reject(new Error(answer.error))
    else pending?.resolve(answer.result as never)
  }
}
