import { ShardingError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import type { HeldConnection } from './held-connection.ts'
import { connectionLostError, queryTimeoutError } from './lease-errors.ts'
import { QueryWatch } from './query-watch.ts'
import { shorterOf, type TimeLimit } from './time-limit.ts'
import { Wire } from './wire.ts'

export interface InFlightOptions {
  readonly shard: string
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** For each query, counted from its turn; null for none. */
  readonly queryTimeoutMs: number | null
  /** Something has settled. */
  readonly onSettled: () => void
}

/**
 * What a lease has on its way to the server and back: how long it may take, how it is stopped, and what its end says
 * about the connection.
 */
export class InFlight {
  readonly #options: InFlightOptions
  readonly #limit: TimeLimit | undefined
  #isCommitting = false
  readonly wire: Wire

  constructor(options: InFlightOptions) {
    this.#options = options
    this.wire = new Wire(options.clock)
    const { shard, queryTimeoutMs: ms } = options
    if (ms !== null)
      this.#limit = { ms, atEnd: 'cancel', error: (cause) => queryTimeoutError(shard, ms, cause) }
  }

  /** `queryTimeoutMs` for a COMMIT, whose outcome would be unknown either way: nothing is asked of the server. */
  get commitLimit(): TimeLimit | undefined {
    return this.#limit && { ...this.#limit, atEnd: 'destroy' }
  }

  /** A query has been sent; {@link answered} or {@link failed} are told of its end. */
  begin(
    held: HeldConnection,
    limit?: TimeLimit,
    onOverdue?: (error: unknown) => void,
  ): QueryWatch | undefined {
    this.wire.begin()
    const shorter = shorterOf(limit, this.#limit)
    return shorter && this.#watch(held, shorter, onOverdue)
  }

  answered(held: HeldConnection, watch: QueryWatch | undefined): void {
    held.source.onOutcome('answered')
    this.settle(watch)
  }

  /** Returns what the failure is to be told as. */
  failed(held: HeldConnection, watch: QueryWatch | undefined, error: unknown): unknown {
    const told = this.explain(held, error)
    this.settle(watch)
    return watch?.isOverdue ? watch.limit.error(told) : told
  }

  /** It has ended, and nothing is known but that. */
  settle(watch: QueryWatch | undefined): void {
    watch?.end()
    this.wire.settle()
    this.#options.onSettled()
  }

  /** Sends what cannot be left out: a connection on which it fails, or takes too long, is destroyed. */
  async insist(
    held: HeldConnection,
    send: (connection: HeldConnection['connection']) => Promise<unknown>,
    limit: TimeLimit | undefined,
  ): Promise<void> {
    const watch = limit && this.#watch(held, limit)
    this.wire.begin()
    try {
      await send(held.connection)
    } catch {
      held.destroy('unrestored')
    } finally {
      this.settle(watch)
    }
  }

  /** Notes what a driver's error says about the connection; returns what it is to be told as. */
  explain(held: HeldConnection, error: unknown): unknown {
    if (error instanceof ShardingError) return error
    const { engine, onOutcome } = held.source
    const failure = held.isDestroyed ? 'lost' : engine.failureOf(error, held.connection)
    if (failure === 'lost') {
      // The socket may look fine for another moment.
      held.destroy('lost')
      onOutcome('lost')
      return connectionLostError(this.#options.shard, error)
    }
    if (failure === 'unfit') held.condemn()
    // The server's refusals have codes; what knex refuses has none.
    if ((error as { code?: unknown } | null)?.code !== undefined) onOutcome('answered')
    return error
  }

  /** While a COMMIT is on its way nothing may cancel it: the outcome would be unknown. */
  protectFromCancel(isProtected: boolean): void {
    this.#isCommitting = isProtected
  }

  /** Has the server stop what runs now, if anything does; settles once it has, or is disconnected. */
  cancel(held: HeldConnection): Promise<void> {
    if (this.wire.isQuiet || this.#isCommitting) return Promise.resolve()
    return held.cancel(this.wire.whenQuiet())
  }

  #watch(held: HeldConnection, limit: TimeLimit, onOverdue?: (error: unknown) => void): QueryWatch {
    const { clock, deadlines } = this.#options
    const cancel = () => {
      onOverdue?.(limit.error(undefined))
      void this.cancel(held)
    }
    return new QueryWatch({ clock, deadlines, held, cancel }, limit)
  }
}
