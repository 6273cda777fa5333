import type { ResourceDriver } from '../../src/pool/resource-driver.ts'
import { type Deferred, deferred } from './deferred.ts'

export interface FakeResource {
  readonly id: number
  isUsable: boolean
}

/** An attempt to connect whose end the test decides. */
export interface Attempt {
  readonly signal: AbortSignal
  succeed(): FakeResource
  fail(error: unknown): void
}

export interface FakeDriverOptions {
  /** `at once`, or when the test says so through {@link FakeDriver.opening}, or as the function says. */
  readonly open?: 'at once' | 'manual' | (() => Promise<void>)
  /** `nothing`: there is never anything to do. */
  readonly reset?: 'nothing' | 'manual' | (() => Promise<void>)
  readonly close?: 'at once' | 'manual' | (() => Promise<void>)
  /** `none`: nobody can be asked. */
  readonly ping?: 'none' | 'at once' | 'manual' | (() => Promise<void>)
}

/** A database made of numbers. It complains when the pool breaks a promise that it gives to drivers. */
export class FakeDriver implements ResourceDriver<FakeResource> {
  /** Attempts that have neither succeeded nor failed, given up ones included. */
  readonly opening: Attempt[] = []
  readonly resetting = new Map<FakeResource, Deferred>()
  readonly pinging = new Map<FakeResource, Deferred>()
  readonly closing = new Map<FakeResource, Deferred>()
  /** In the order in which they were closed. */
  readonly closed: FakeResource[] = []
  readonly resting = new Set<FakeResource>()
  /** Those that were closed without a farewell. */
  readonly dead: FakeResource[] = []
  openedCount = 0
  /** The most that a server would have seen at once: open, being opened and being closed. */
  peak = 0
  readonly ping?: (resource: FakeResource) => Promise<void>
  readonly #options: Required<FakeDriverOptions>
  readonly #open = new Map<FakeResource, (resource: FakeResource) => void>()

  constructor(options: FakeDriverOptions = {}) {
    this.#options = { open: 'at once', reset: 'nothing', close: 'at once', ping: 'none', ...options }
    if (this.#options.ping !== 'none') this.ping = (resource) => this.#ping(resource)
  }

  /** Those that are open and not being closed. */
  get members(): Iterable<FakeResource> {
    return this.#open.keys()
  }

  /** Resources that are open, or not closed yet. */
  get held(): number {
    return this.#open.size + this.closing.size
  }

  open(signal: AbortSignal, onLost: (resource: FakeResource) => void): Promise<FakeResource> {
    const { open } = this.#options
    const { promise, resolve, reject } = deferred<FakeResource>()
    const end = () => this.opening.splice(this.opening.indexOf(attempt), 1)
    const attempt: Attempt = {
      signal,
      succeed: () => {
        end()
        const resource = { id: ++this.openedCount, isUsable: true }
        this.#open.set(resource, onLost)
        resolve(resource)
        return resource
      },
      fail: (error) => {
        end()
        reject(error)
      },
    }
    this.opening.push(attempt)
    this.#notePeak()
    if (open === 'at once') attempt.succeed()
    else if (open !== 'manual') void open().then(attempt.succeed, attempt.fail)
    return promise
  }

  isUsable({ isUsable }: FakeResource): boolean {
    return isUsable
  }

  reset(resource: FakeResource): Promise<void> | undefined {
    if (!this.#open.has(resource)) throw new Error('reset after close')
    if (this.resetting.has(resource)) throw new Error('reset during reset')
    const { reset } = this.#options
    if (reset === 'nothing') return undefined
    const { promise, resolve, reject } = deferred()
    const end = () => this.resetting.delete(resource)
    const resetting: Deferred = {
      promise,
      resolve: () => end() && resolve(),
      reject: (error) => end() && reject(error),
    }
    this.resetting.set(resource, resetting)
    if (reset !== 'manual') void reset().then(resetting.resolve, resetting.reject)
    return promise
  }

  rest(resource: FakeResource): void {
    if (this.resting.has(resource)) throw new Error('put to rest twice')
    this.resting.add(resource)
  }

  wake(resource: FakeResource): void {
    if (!this.resting.delete(resource)) throw new Error('woken although it did not rest')
  }

  close(resource: FakeResource, isDead: boolean): Promise<void> {
    if (isDead) this.dead.push(resource)
    if (!this.#open.delete(resource)) throw new Error('closed twice')
    if (this.resting.has(resource)) throw new Error('closed while resting')
    resource.isUsable = false
    // Whoever waits for its answer is told that there will be none.
    this.pinging.get(resource)?.reject(new Error('closed'))
    const { promise, resolve } = deferred()
    const end = () => {
      this.closing.delete(resource)
      this.closed.push(resource)
      resolve()
    }
    this.closing.set(resource, { promise, resolve: end, reject: end })
    const { close } = this.#options
    if (close === 'at once') end()
    else if (close !== 'manual') void close().then(end)
    return promise
  }

  /** The resource dies by itself, and its driver notices. */
  lose(resource: FakeResource): void {
    resource.isUsable = false
    this.#open.get(resource)?.(resource)
  }

  #ping(resource: FakeResource): Promise<void> {
    if (!this.#open.has(resource)) throw new Error('asked after close')
    if (this.resting.has(resource) || this.resetting.has(resource) || this.pinging.has(resource))
      throw new Error('asked while it rests, is reset or is being asked')
    const { ping } = this.#options
    const { promise, resolve, reject } = deferred()
    const end = () => this.pinging.delete(resource)
    const pinging: Deferred = {
      promise,
      resolve: () => end() && resolve(),
      reject: (error) => end() && reject(error),
    }
    this.pinging.set(resource, pinging)
    if (ping === 'at once') pinging.resolve()
    else if (typeof ping === 'function') void ping().then(pinging.resolve, pinging.reject)
    return promise
  }

  #notePeak(): void {
    const attempts = this.opening.filter(({ signal }) => !signal.aborted).length
    this.peak = Math.max(this.peak, attempts + this.held)
  }
}
