import type { ConnectionFailure, Engine } from '../../src/pool/engine.ts'
import type { Lane } from '../../src/pool/lane.ts'
import type { Lease } from '../../src/pool/lease.ts'
import type { RawConnection } from '../../src/pool/raw-connection.ts'
import { type Deferred, deferred } from './deferred.ts'
import { FakeDriver, type FakeDriverOptions, type FakeResource } from './fake-driver.ts'
import { Outcome } from './outcome.ts'

/** A query on the wire, whose end the test decides. */
export interface RunningQuery {
  readonly text: string
  readonly lease: Lease
  readonly connection: FakeResource
  answer(value?: unknown): void
  fail(error: unknown): void
}

/** A request to cancel on its way: the server closes its socket when the test resolves it. */
export interface RunningCancel extends Deferred {
  readonly connection: FakeResource
  /** Whose query ran when it was sent. */
  readonly lease: Lease | undefined
}

/**
 * A database that runs queries until the test ends them, and notes whatever no lease may do: to use a connection
 * that is not its own, or to give one back while something of it runs there.
 */
export class FakeServer extends FakeDriver {
  readonly running: RunningQuery[] = []
  readonly cancels: RunningCancel[] = []
  /** What was sent and done, in its order: `a`, `cancel`, `reset`, `close`. */
  readonly log: string[] = []
  readonly violations: string[] = []
  /** What the driver's errors say about their connections. */
  readonly failures = new Map<unknown, ConnectionFailure>()
  /** Called with what was sent, for tests that do not answer by hand. */
  onQuery: (query: RunningQuery) => void = () => {}
  onCancel: (cancel: RunningCancel) => void = () => {}
  readonly engine: Engine = {
    cancel: (connection: RawConnection) => this.#cancel(connection as FakeResource),
    sever: (connection: RawConnection) => this.#sever(connection as FakeResource),
    failureOf: (error: unknown) => this.failures.get(error),
  } as unknown as Engine

  constructor(options: FakeDriverOptions = {}) {
    super(options)
  }

  /** Runs a query of the lease, in its turn. */
  query(lease: Lease, text: string, lane: Lane = lease.root): Outcome {
    return new Outcome(lease.run(lane, (connection) => this.send(lease, connection, text)))
  }

  /** What a driver does: puts a query on the wire. */
  send(lease: Lease, raw: RawConnection, text: string): Promise<unknown> {
    const connection = raw as FakeResource
    this.log.push(text)
    if (lease.connection !== raw)
      this.#complain(`${text} was sent on a connection that its lease does not hold`)
    if (this.running.some((query) => query.connection === connection && query.lease !== lease))
      this.#complain(`${text} was sent while a query of another lease ran`)
    // A stream that is cancelled goes on to fetch until it is told: that is what is to be stopped.
    const isOfStream = (cancel: RunningCancel) => text.startsWith('fetch') && cancel.lease === lease
    const mayBeHit = (cancel: RunningCancel) => cancel.connection === connection && !isOfStream(cancel)
    // What is sent on a closed connection reaches nobody.
    if (connection.isUsable && this.cancels.some(mayBeHit))
      this.#complain(`${text} was sent while a cancel was on its way`)
    if (this.resetting.has(connection) || this.resting.has(connection))
      this.#complain(`${text} was sent on a connection that nobody holds`)
    if (!connection.isUsable) return Promise.reject(new Error('the connection is closed'))
    const { promise, resolve, reject } = deferred<unknown>()
    const end = () => {
      if (this.running.includes(query)) this.running.splice(this.running.indexOf(query), 1)
    }
    const query: RunningQuery = {
      text,
      lease,
      connection,
      answer: (value) => {
        end()
        resolve(value)
      },
      fail: (error) => {
        end()
        reject(error)
      },
    }
    this.running.push(query)
    this.onQuery(query)
    return promise
  }

  /** The running query with this text. */
  at(text: string): RunningQuery {
    const query = this.running.find((query) => query.text === text)
    if (query === undefined)
      throw new Error(`${text} does not run; the wire has ${this.texts.join(', ') || 'nothing'}`)
    return query
  }

  get texts(): string[] {
    return this.running.map(({ text }) => text)
  }

  override reset(connection: FakeResource): Promise<void> | undefined {
    this.log.push('reset')
    this.#assertQuiet(connection, 'reset')
    return super.reset(connection)
  }

  override close(connection: FakeResource, isDead: boolean): Promise<void> {
    this.log.push('close')
    const closed = super.close(connection, isDead)
    this.#sever(connection)
    return closed
  }

  override rest(connection: FakeResource): void {
    this.#assertQuiet(connection, 'put to rest')
    super.rest(connection)
  }

  #sever(connection: FakeResource): void {
    connection.isUsable = false
    for (const query of [...this.running]) {
      if (query.connection === connection) query.fail(new Error('the connection was closed'))
    }
  }

  #cancel(connection: FakeResource): Promise<void> {
    this.log.push('cancel')
    const { promise, resolve, reject } = deferred()
    const end = () => this.cancels.splice(this.cancels.indexOf(cancel), 1)
    const cancel: RunningCancel = {
      connection,
      lease: this.running.find((query) => query.connection === connection)?.lease,
      promise,
      resolve: () => {
        end()
        resolve()
      },
      reject: (error) => {
        end()
        reject(error)
      },
    }
    this.cancels.push(cancel)
    this.onCancel(cancel)
    return promise
  }

  #assertQuiet(connection: FakeResource, verb: string): void {
    for (const { text, connection: busy } of this.running)
      if (busy === connection) this.#complain(`a connection was ${verb} while ${text} ran on it`)
    if (this.cancels.some((cancel) => cancel.connection === connection))
      this.#complain(`a connection was ${verb} while a cancel was on its way to it`)
  }

  #complain(violation: string): void {
    this.violations.push(violation)
  }
}
