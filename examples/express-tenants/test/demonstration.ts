import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { processesIn } from '@sherd/local-servers/traces'
import { expect, onTestFinished, vi } from 'vitest'

export const example = fileURLToPath(new URL('..', import.meta.url))

/** A run of src/main.ts in a process of its own, as `npm start` does it. */
export class Demonstration {
  readonly #process: ChildProcess
  readonly #temporary = mkdtempSync(path.join(tmpdir(), 'demonstration-'))
  output = ''
  errors = ''

  constructor({ args = [], imports = [], env = {} }: DemonstrationOptions = {}) {
    chmodSync(this.#temporary, 0o755) // As root, the servers run as another user.
    const nodeArgs = ['tsx', ...imports].flatMap((each) => ['--import', each])
    this.#process = spawn(process.execPath, [...nodeArgs, 'src/main.ts', ...args], {
      cwd: example,
      env: { ...process.env, TMPDIR: this.#temporary, TSX_DISABLE_CACHE: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process.stdout?.setEncoding('utf8').on('data', (text) => {
      this.output += text
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text) => {
      this.errors += text
    })
    onTestFinished(async () => {
      this.signal('SIGKILL')
      await this.expectNothingLeft()
      rmSync(this.#temporary, { recursive: true })
    })
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** Resolves when it has printed this. */
  async printed(text: string): Promise<void> {
    await vi.waitFor(() => expect(this.output + this.errors).toContain(text), {
      timeout: 20_000,
      interval: 5,
    })
  }

  /** The exit code; null after a signal. */
  async ended(): Promise<number | null> {
    if (this.#process.exitCode === null && this.#process.signalCode === null)
      await once(this.#process, 'close')
    return this.#process.exitCode
  }

  expectServers(): void {
    expect(readdirSync(this.#temporary)).toHaveLength(2)
    expect(processesIn(this.#temporary)).toHaveLength(2)
  }

  async expectNothingLeft(): Promise<void> {
    await vi.waitFor(() => this.expectNothingLeftNow(), { timeout: 10_000, interval: 50 })
  }

  expectNothingLeftNow(): void {
    expect(processesIn(this.#temporary)).toEqual([])
    expect(readdirSync(this.#temporary)).toEqual([])
  }
}

export interface DemonstrationOptions {
  readonly args?: readonly string[]
  /** Modules that the process imports before everything else. */
  readonly imports?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}
