import { setTimeout as sleep } from 'node:timers/promises'

/** One running server, as its supervisor sees it. */
export class ServerProcess {
  /** @type {import('node:child_process').ChildProcess} */
  #child
  /** @type {(signal: NodeJS.Signals) => void} */
  #send

  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {((signal: NodeJS.Signals) => void) | undefined} send Where the platform has no signals: how to send one.
   */
  constructor(child, send) {
    child.once('error', () => {}) // Without a pid: seen below.
    this.#child = child
    this.#send =
      send ??
      ((signal) => {
        child.kill(signal)
        child.kill('SIGCONT') // Somebody may have stopped it to see how a client waits.
      })
  }

  get pid() {
    return this.#child.pid
  }

  get isRunning() {
    const { pid, exitCode, signalCode } = this.#child
    return pid !== undefined && exitCode === null && signalCode === null
  }

  /**
   * Waits until `isReady`. False when the server has ended before, or has taken longer than `timeoutMs`.
   * @param {() => boolean} isReady @param {number} timeoutMs
   */
  async becomes(isReady, timeoutMs) {
    const deadline = Date.now() + timeoutMs
    while (this.isRunning && Date.now() < deadline) {
      if (isReady()) return true
      await sleep(10)
    }
    return false
  }

  /** Whether it has ended within `patienceMs` of the signal. @param {NodeJS.Signals} signal @param {number} patienceMs */
  async endsBy(signal, patienceMs) {
    const deadline = Date.now() + patienceMs
    if (this.isRunning) this.#send(signal)
    while (this.isRunning) {
      if (Date.now() > deadline) return false
      await sleep(10)
    }
    return true
  }
}
