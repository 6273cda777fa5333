import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, chownSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { copyDataFolder } from './copy-data-folder.mjs'
import { freePort } from './free-port.mjs'
import { prepareInstallation } from './installation.mjs'
import { ServerProcess } from './server-process.mjs'

/**
 * @typedef {import('./main.mjs').StartOptions} StartOptions
 * @typedef {import('./main.mjs').CopyOptions} CopyOptions
 * @typedef {import('./main.mjs').StopMode} StopMode
 * @typedef {import('./main.mjs').Running} Running
 */

const START_TIMEOUT_MS = 60_000

/** How long each way of stopping may take before the next, harsher one. The postmaster itself kills its
 * children five seconds after an immediate shutdown, so SIGKILL comes later than that. */
const PATIENCE_MS = { SIGINT: 5_000, SIGQUIT: 8_000, SIGKILL: 5_000 }

/** A launch that fails for these reasons is worth another try: somebody took the port between its choice and
 * its use, or backends of a killed postmaster have not yet noticed that it is gone. */
const TAKEN_PORT = /could not create any TCP\/IP sockets/
const OLD_BACKENDS = /pre-existing shared memory block/
const LAUNCH_ATTEMPTS = 20

export class PostgresServer {
  /** @type {import('./installation.mjs').Installation | undefined} */
  #installation
  /** @type {ServerProcess | undefined} */
  #postmaster
  #port = 0

  /** @param {StartOptions} options @returns {Promise<Running>} */
  async start({ password, settings, backupLabel }) {
    if (backupLabel === undefined) {
      this.#installation = await prepareInstallation()
      this.#initialise(password)
    } else {
      this.#becomeStandby(backupLabel)
    }
    const { folder } = this.#running
    appendFileSync(path.join(folder, 'data', 'postgresql.conf'), toConfigurationFile(settings))
    return await this.#launch({ choosePort: true })
  }

  /** The first half of a standby's start, while its primary is in backup mode. @param {CopyOptions} options */
  async copy({ data }) {
    this.#installation = await prepareInstallation()
    const { folder, spawnOptions } = this.#installation
    const { uid, gid } = spawnOptions
    const owner = uid === undefined || gid === undefined ? undefined : { uid, gid }
    copyDataFolder(data, path.join(folder, 'data'), owner)
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

  /** As if the machine had lost power: no shutdown of any kind; the data folder stays for a restart. */
  async kill() {
    await this.#signalAndWait('SIGKILL')
  }

  /** Stops whatever runs and removes the folder. Safe in every state. */
  async remove() {
    await this.#shutDown('fast')
    if (this.#installation === undefined) return
    this.#releaseSharedMemory()
    rmSync(this.#installation.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    this.#installation = undefined
  }

  /** What was copied says of itself where it begins, and that it follows. @param {string} backupLabel */
  #becomeStandby(backupLabel) {
    for (const [name, content] of Object.entries({ backup_label: backupLabel, 'standby.signal': '' })) {
      this.#writeOwned(path.join(this.#running.folder, 'data', name), content)
    }
  }

  /** As the user that the server runs as. @param {string} file @param {string} content */
  #writeOwned(file, content) {
    const { uid, gid } = this.#running.spawnOptions
    writeFileSync(file, content, { mode: 0o600 })
    if (uid !== undefined) chownSync(file, uid, gid ?? -1)
  }

  /** @param {string} password */
  #initialise(password) {
    const { folder, binaries, spawnOptions } = this.#running
    const passwordFile = path.join(folder, 'password')
    this.#writeOwned(passwordFile, password)
    const { status, error, stderr } = spawnSync(
      binaries.initdb,
      [
        `--pgdata=${path.join(folder, 'data')}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // The same order and the same English messages on every machine.
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-sync',
        '--no-instructions',
        // Shared memory as files in the data folder goes away with it, also after SIGKILL.
        '--set=dynamic_shared_memory_type=mmap',
        // SCRAM's work protects a password against guessing; this one is random and lives for minutes.
        '--set=scram_iterations=1',
      ],
      { ...spawnOptions, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? stderr}`)
  }

  /** @param {{ choosePort: boolean }} options @returns {Promise<Running>} */
  async #launch({ choosePort }) {
    const { folder } = this.#running
    for (let attempt = 1; ; attempt++) {
      if (choosePort) this.#port = await freePort()
      const log = path.join(folder, `server.${Date.now()}.${attempt}.log`)
      const pid = await this.#spawnPostmaster(log)
      if (pid !== undefined) return { pid, port: this.#port, folder }

      const output = readFileSync(log, 'utf8')
      const retry = TAKEN_PORT.test(output) || OLD_BACKENDS.test(output)
      if (!retry || attempt === LAUNCH_ATTEMPTS) throw new Error(`PostgreSQL did not start:\n${output}`)
      if (!choosePort || OLD_BACKENDS.test(output)) await sleep(100)
    }
  }

  /** @param {string} log @returns {Promise<number | undefined>} undefined when it ended before it was ready */
  async #spawnPostmaster(log) {
    const { folder, binaries, spawnOptions } = this.#running
    const output = openSync(log, 'a')
    const data = path.join(folder, 'data')
    const child = spawn(binaries.postgres, ['-D', data, '-p', String(this.#port)], {
      ...spawnOptions,
      stdio: ['ignore', output, output],
    })
    // Windows has no signals; PostgreSQL emulates them over a named pipe, which pg_ctl knows how to use.
    const sendOnWindows = (/** @type {string} */ signal) =>
      void spawnSync(binaries.pg_ctl, ['kill', signal.slice('SIG'.length), String(child.pid)])
    const postmaster = new ServerProcess(child, process.platform === 'win32' ? sendOnWindows : undefined)
    this.#postmaster = postmaster

    if (await postmaster.becomes(() => isReady(data, postmaster.pid), START_TIMEOUT_MS)) return postmaster.pid
    if (postmaster.isRunning) {
      await this.#shutDown('immediate')
      throw new Error(`PostgreSQL was not ready after ${START_TIMEOUT_MS} ms:\n${readFileSync(log, 'utf8')}`)
    }
    this.#postmaster = undefined
    return undefined
  }

  /** @param {StopMode} mode */
  async #shutDown(mode) {
    if (mode === 'fast' && (await this.#signalAndWait('SIGINT'))) return
    if (await this.#signalAndWait('SIGQUIT')) return
    await this.#signalAndWait('SIGKILL')
  }

  /** @param {keyof typeof PATIENCE_MS} signal @returns {Promise<boolean>} whether no postmaster runs any more */
  async #signalAndWait(signal) {
    if (this.#postmaster !== undefined && !(await this.#postmaster.endsBy(signal, PATIENCE_MS[signal])))
      return false
    this.#postmaster = undefined
    return true
  }

  /** A killed postmaster leaves the tiny System V segment behind with which PostgreSQL guards its data folder. */
  #releaseSharedMemory() {
    const segment = readLockFile(path.join(this.#running.folder, 'data'))[6]?.trim().split(/\s+/)[1]
    if (segment !== undefined) spawnSync('ipcrm', ['-m', segment], { stdio: 'ignore' })
  }

  get #running() {
    if (this.#installation === undefined) throw new Error('The PostgreSQL server has been stopped.')
    return this.#installation
  }
}

/** @param {Record<string, string>} settings */
function toConfigurationFile(settings) {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`)
  return `\n${lines.join('\n')}\n`
}

/** What pg_ctl does: the postmaster writes its state as the eighth line of its lock file.
 * @param {string} data @param {number | undefined} pid */
function isReady(data, pid) {
  const lines = readLockFile(data)
  // The file of a killed predecessor has another pid.
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready'
}

/** @param {string} data */
function readLockFile(data) {
  try {
    return readFileSync(path.join(data, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return []
  }
}
