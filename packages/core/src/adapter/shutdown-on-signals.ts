import cluster from 'node:cluster'
import type { Server } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { defaultSharding, hasDefaultSharding } from '../default-sharding.ts'
import { partsOf, type Sharding } from '../sharding.ts'
import { ServerDrain } from './server-drain.ts'

/** An HTTP or HTTPS server of Node, or a framework's instance around one, such as Fastify's. */
export type ShutdownTarget = Server | { readonly server: Server; close(): PromiseLike<unknown> }

export interface ShutdownOptions {
  /** @default ['SIGTERM', 'SIGINT'] */
  readonly signals?: readonly NodeJS.Signals[]
  /**
   * How long to go on serving after the signal, so that load balancers learn from the readiness check that this
   * process is about to end. @default 0
   */
  readonly delayMs?: number
  /** How long requests may take to finish after that; then their sockets are destroyed. @default 10000 */
  readonly graceMs?: number
  /** The deadline of `sharding.close()` after that. @default 5000 */
  readonly closeDeadlineMs?: number
}

/** Disposed of before the first signal, it takes its handlers off again. */
export interface Shutdown extends Disposable {
  /** Aborts when shutting down begins: for readiness checks, long polls and sockets of other protocols. */
  readonly signal: AbortSignal
  /** Settles when everything is closed; rejects with what the framework's `close()` rejects with. */
  readonly done: Promise<void>
  /** Shuts down as the first signal would. Returns {@link done}. */
  shutDown(): Promise<void>
}

/** Under npm, Ctrl-C comes twice: from the terminal and from npm. */
const SAME_SIGNAL_MS = 500

/**
 * On SIGTERM and SIGINT: stops accepting connections, lets requests finish, closes idle sockets, closes the framework's
 * instance and the Sharding, in phases that each have a limit. The process ends by itself then, also a worker of a
 * cluster, with exit code 0, or 1 when requests had to be cut off. A second signal ends it at once, as if nobody had handled it.
 *
 * Call it right where the server is told to listen: sockets that are open already are not known.
 *
 * @param sharding by default the default Sharding, if there is one by then
 */
export function shutdownOnSignals(
  target: ShutdownTarget,
  sharding?: Sharding,
  options: ShutdownOptions = {},
): Shutdown {
  return new SignalShutdown(target, sharding, options)
}

class SignalShutdown implements Shutdown {
  readonly #target: ShutdownTarget
  readonly #sharding: Sharding | undefined
  readonly #options: Required<ShutdownOptions>
  readonly #drain: ServerDrain
  readonly #controller = new AbortController()
  readonly done: Promise<void>
  #begin!: () => void
  #begunAt: number | undefined

  constructor(target: ShutdownTarget, sharding: Sharding | undefined, options: ShutdownOptions) {
    this.#target = target
    this.#sharding = sharding
    this.#options = {
      signals: options.signals ?? ['SIGTERM', 'SIGINT'],
      delayMs: options.delayMs ?? 0,
      graceMs: options.graceMs ?? 10_000,
      closeDeadlineMs: options.closeDeadlineMs ?? 5000,
    }
    this.#drain = new ServerDrain('server' in target ? target.server : target)
    this.done = new Promise<void>((resolve) => {
      this.#begin = resolve
    }).then(() => this.#run())
    for (const signal of this.#options.signals) process.on(signal, this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  shutDown(): Promise<void> {
    this.#begunAt ??= performance.now()
    this.#begin()
    return this.done
  }

  [Symbol.dispose](): void {
    this.#ignoreSignals()
    if (this.#begunAt === undefined) this.#drain.release()
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#begunAt === undefined) void this.shutDown()
    else if (performance.now() - this.#begunAt > SAME_SIGNAL_MS) {
      this.#ignoreSignals()
      process.kill(process.pid, signal)
    }
  }

  #ignoreSignals(): void {
    for (const signal of this.#options.signals) process.off(signal, this.#onSignal)
  }

  async #run(): Promise<void> {
    const { delayMs, graceMs, closeDeadlineMs } = this.#options
    this.#controller.abort()
    const known = this.#knownSharding()
    if (known !== undefined) partsOf(known).isLeaving = true
    this.#drain.announce()
    await delay(delayMs)
    const finished = this.#finish()
    if (!(await isSettledWithin(graceMs, finished))) {
      process.exitCode ??= 1
      this.#drain.destroy()
    }
    await this.#knownSharding()?.close({ deadlineMs: closeDeadlineMs })
    // Sockets are gone by now, so only hooks of the application may take longer than they should.
    if (await isSettledWithin(closeDeadlineMs, finished)) await finished
    // The channel to the primary would keep it alive (https://nodejs.org/api/cluster.html#workerdisconnect).
    cluster.worker?.disconnect()
  }

  #knownSharding(): Sharding | undefined {
    return this.#sharding ?? (hasDefaultSharding() ? defaultSharding() : undefined)
  }

  async #finish(): Promise<void> {
    const target = this.#target
    await this.#drain.finish()
    // Not before: Fastify answers 503 from then on. And sockets of other protocols are often closed by its hooks.
    if ('server' in target) await target.close()
    await this.#drain.closed()
  }
}

async function isSettledWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const controller = new AbortController()
  const settled = promise.then(
    () => true,
    () => true,
  )
  const late = delay(ms, false, { signal: controller.signal }).catch(() => false)
  const isSettled = await Promise.race([settled, late])
  controller.abort()
  return isSettled
}
