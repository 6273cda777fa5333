import { spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './free-port.mjs'
import { redisProgram } from './redis-program.mjs'
import { ServerProcess } from './server-process.mjs'

/**
 * @typedef {import('./main.mjs').StartOptions} StartOptions
 * @typedef {import('./main.mjs').StopMode} StopMode
 * @typedef {import('./main.mjs').Running} Running
 * @typedef {{ folder: string, program: string, settings: Record<string, string> }} Installation
 */

const START_TIMEOUT_MS = 20_000
const PATIENCE_MS = { SIGTERM: 5_000, SIGKILL: 5_000 }
const LAUNCH_ATTEMPTS = 20
const TAKEN_PORT = /Address already in use/

/** A private Redis: nothing of the machine's own configuration or data counts. */
export class RedisServer {
  /** @type {Installation | undefined} */
  #installation
  /** @type {ServerProcess | undefined} */
  #server
  #port = 0

  /** @param {StartOptions} options @returns {Promise<Running>} */
  async start({ password, settings }) {
    const program = redisProgram()
    if (program === undefined) throw new Error('There is no Redis on this machine (redis-server).')
    const folder = mkdtempSync(path.join(tmpdir(), 'sherd-redis-'))
    this.#installation = { folder, program, settings: { ...settings, requirepass: password } }
    return await this.#launch({ choosePort: true })
  }

  /** @param {{ mode: StopMode }} options */
  async stop({ mode }) {
    await this.#shutDown(mode)
    await this.remove()
  }

  /** @param {{ mode: StopMode }} options @returns {Promise<Running>} */
  async restart({ mode }) {
    await this.#shutDown(mode)
    return await this.#launch({ choosePort: false })
  }

  /** Stops for now: the data stays for a restart. @param {{ mode: StopMode }} options */
  async halt({ mode }) {
    await this.#shutDown(mode)
  }

  /** As if the machine had lost power; the data stays for a restart. */
  async kill() {
    await this.#shutDown('immediate')
  }

  /** Stops whatever runs and removes the folder. Safe in every state. */
  async remove() {
    await this.#shutDown('immediate')
    if (this.#installation === undefined) return
    rmSync(this.#installation.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    this.#installation = undefined
  }

  /** @param {{ choosePort: boolean }} options @returns {Promise<Running>} */
  async #launch({ choosePort }) {
    const { folder } = this.#running
    for (let attempt = 1; ; attempt++) {
      if (choosePort) this.#port = await freePort()
      const log = path.join(folder, `server.${Date.now()}.${attempt}.log`)
      const pid = await this.#spawn(log)
      if (pid !== undefined) return { pid, port: this.#port, folder }
      const output = readFileSync(log, 'utf8')
      if (!TAKEN_PORT.test(output) || attempt === LAUNCH_ATTEMPTS)
        throw new Error(`Redis did not start:\n${output}`)
    }
  }

  /** @param {string} log @returns {Promise<number | undefined>} undefined when it ended before it was ready */
  async #spawn(log) {
    const { folder, program, settings } = this.#running
    const output = openSync(log, 'a')
    const configuration = path.join(folder, 'redis.conf')
    // In a file, for everybody may read the command lines of processes.
    writeFileSync(configuration, toConfigurationFile({ ...settings, dir: folder, port: `${this.#port}` }), {
      mode: 0o600,
    })
    const server = new ServerProcess(
      spawn(program, [configuration], { cwd: folder, windowsHide: true, stdio: ['ignore', output, output] }),
      undefined,
    )
    this.#server = server
    const isReady = () => /ready to accept connections/i.test(readFileSync(log, 'utf8'))
    if (await server.becomes(isReady, START_TIMEOUT_MS)) return server.pid
    if (server.isRunning) {
      await this.#shutDown('immediate')
      throw new Error(`Redis was not ready after ${START_TIMEOUT_MS} ms:\n${readFileSync(log, 'utf8')}`)
    }
    this.#server = undefined
    return undefined
  }

  /** @param {StopMode} mode */
  async #shutDown(mode) {
    if (mode === 'fast' && (await this.#endsBy('SIGTERM'))) return
    await this.#endsBy('SIGKILL')
  }

  /** @param {keyof typeof PATIENCE_MS} signal */
  async #endsBy(signal) {
    if (this.#server !== undefined && !(await this.#server.endsBy(signal, PATIENCE_MS[signal]))) return false
    this.#server = undefined
    return true
  }

  get #running() {
    if (this.#installation === undefined) throw new Error('The database server has been stopped.')
    return this.#installation
  }
}

/** @param {Record<string, string>} settings */
function toConfigurationFile(settings) {
  const quote = (/** @type {string} */ text) => `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value === '' ? '""' : quote(value)}\n`)
    .join('')
}
