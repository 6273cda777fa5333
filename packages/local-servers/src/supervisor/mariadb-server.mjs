import { spawn, spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './free-port.mjs'
import { mariadbPrograms } from './mariadb-programs.mjs'
import { ServerProcess } from './server-process.mjs'
import { unprivilegedUser } from './system-user.mjs'

/**
 * @typedef {import('./main.mjs').StartOptions} StartOptions
 * @typedef {import('./main.mjs').StopMode} StopMode
 * @typedef {import('./main.mjs').Running} Running
 * @typedef {{
 *   folder: string
 *   programs: import('./mariadb-programs.mjs').Programs
 *   spawnOptions: { cwd: string, windowsHide: true, uid?: number, gid?: number }
 *   settings: Record<string, string>
 * }} Installation
 */

const START_TIMEOUT_MS = 60_000
const PATIENCE_MS = { SIGTERM: 10_000, SIGKILL: 5_000 }
const LAUNCH_ATTEMPTS = 20
const TAKEN_PORT = /Can't start server: Bind on TCP\/IP port/

/** A private MariaDB: nothing of the machine's own configuration or data counts. */
export class MariadbServer {
  /** @type {Installation | undefined} */
  #installation
  /** @type {ServerProcess | undefined} */
  #server
  #port = 0

  /** @param {StartOptions} options @returns {Promise<Running>} */
  async start({ password, settings }) {
    const programs = mariadbPrograms()
    if (programs === undefined) throw new Error('There is no MariaDB on this machine (mariadbd).')
    const user = unprivilegedUser('mysql')
    const folder = mkdtempSync(path.join(tmpdir(), 'sherd-mariadb-'))
    if (user !== undefined) chownSync(folder, user.uid, user.gid)
    this.#installation = {
      folder,
      programs,
      settings,
      spawnOptions: { cwd: folder, windowsHide: true, ...user },
    }
    this.#initialise(password)
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

  /** As if the machine had lost power; the data folder stays for a restart. */
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

  /** @param {string} password */
  #initialise(password) {
    const { folder, programs, spawnOptions } = this.#running
    const { status, error, stderr, stdout } = spawnSync(
      programs.install,
      [
        '--no-defaults',
        `--datadir=${path.join(folder, 'data')}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        // Half of the time of an installation is spent on waiting for the disk.
        '--innodb-flush-log-at-trx-commit=0',
      ],
      // Its temporary tables have names that another installation at the same time may choose, too.
      { ...spawnOptions, env: { ...process.env, TMPDIR: folder }, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`mariadb-install-db failed: ${error?.message ?? stderr + stdout}`)
    const statements = path.join(folder, 'init.sql')
    writeFileSync(
      statements,
      `CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '${password}';\n` +
        `GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\nDROP USER IF EXISTS root@localhost;\n`,
      { mode: 0o600 },
    )
    if (spawnOptions.uid !== undefined) chownSync(statements, spawnOptions.uid, spawnOptions.gid ?? -1)
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
        throw new Error(`MariaDB did not start:\n${output}`)
    }
  }

  /** @param {string} log @returns {Promise<number | undefined>} undefined when it ended before it was ready */
  async #spawn(log) {
    const { folder, programs, spawnOptions, settings } = this.#running
    const output = openSync(log, 'a')
    const server = new ServerProcess(
      spawn(
        programs.server,
        [
          '--no-defaults',
          `--datadir=${path.join(folder, 'data')}`,
          `--socket=${path.join(folder, 'socket')}`,
          `--pid-file=${path.join(folder, 'pid')}`,
          `--init-file=${path.join(folder, 'init.sql')}`,
          `--tmpdir=${folder}`,
          `--port=${this.#port}`,
          '--bind-address=127.0.0.1',
          '--skip-name-resolve',
          ...Object.entries(settings).map(([name, value]) => `--${name.replaceAll('_', '-')}=${value}`),
        ],
        { ...spawnOptions, stdio: ['ignore', output, output] },
      ),
      undefined,
    )
    this.#server = server
    const isReady = () => readFileSync(log, 'utf8').includes('ready for connections')
    if (await server.becomes(isReady, START_TIMEOUT_MS)) return server.pid
    if (server.isRunning) {
      await this.#shutDown('immediate')
      throw new Error(`MariaDB was not ready after ${START_TIMEOUT_MS} ms:\n${readFileSync(log, 'utf8')}`)
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
