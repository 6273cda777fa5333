import { EventEmitter } from 'node:events'
import { main } from '../../src/main.ts'
import type { Output } from '../../src/surroundings.ts'

export interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly signals?: EventEmitter
  readonly isTTY?: boolean
  /** Called with everything that is written to standard error, as it is written. */
  readonly onStderr?: (text: string) => void
}

/** Runs `sherd` with these arguments in this process. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { env = {}, signals = new EventEmitter(), isTTY = false, onStderr } = options
  const stdout = new Sink(isTTY)
  const stderr = new Sink(isTTY, onStderr)
  const exitCode = await main(argv, { stdout, stderr, env, signals })
  return { exitCode, stdout: stdout.text, stderr: stderr.text }
}

class Sink implements Output {
  text = ''
  readonly isTTY: boolean
  readonly columns = 80
  readonly #onText: ((text: string) => void) | undefined

  constructor(isTTY: boolean, onText?: (text: string) => void) {
    this.isTTY = isTTY
    this.#onText = onText
  }

  write(text: string): void {
    this.text += text
    this.#onText?.(text)
  }
}
