import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const tsx = import.meta.resolve('tsx')
const bin = fileURLToPath(new URL('../../src/bin.ts', import.meta.url))

/** The command as a process of its own. */
export class SherdProcess {
  stdout = ''
  stderr = ''
  readonly #child: ChildProcess
  readonly #ended: Promise<[number | null, NodeJS.Signals | null]>

  /** `stdout` is a file's descriptor. @default a pipe, which is read */
  constructor(argv: readonly string[], { stdout = 'pipe' }: { readonly stdout?: number | 'pipe' } = {}) {
    this.#child = spawn(process.execPath, ['--import', tsx, bin, ...argv], {
      stdio: ['ignore', stdout, 'pipe'],
    })
    this.#ended = once(this.#child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
  }

  /** Settles when standard error has something that matches. */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stderr)) {
      const next = once(this.#child.stderr as NodeJS.ReadableStream, 'data')
      const end = this.#ended.then(() => {
        if (!pattern.test(this.stderr)) throw new Error(`It never said ${pattern}, but:\n${this.stderr}`)
      })
      await Promise.race([next, end])
    }
  }

  /** As `head` does. */
  stopReading(): void {
    this.#child.stdout?.destroy()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Settles when it has ended: by its exit code, or by a signal. */
  async ended(): Promise<{ readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }> {
    const [exitCode, signal] = await this.#ended
    return { exitCode, signal }
  }
}
