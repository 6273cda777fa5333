import type { DestroyCause } from '../diagnostics/lease-events.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { Canceller } from './canceller.ts'
import type { Hold } from './lease-holders.ts'
import type { LeaseSource } from './lease-source.ts'
import type { LeaseSubject } from './lease-subject.ts'
import type { Pooled } from './pooled.ts'
import type { RawConnection } from './raw-connection.ts'

export interface HeldConnectionOptions {
  /** Whose it is. */
  readonly lease: LeaseSubject
  readonly clock: Clock
  readonly deadlines: Deadlines
}

/** One connection out of its pool, from its coming until the pool has it back, once. */
export class HeldConnection {
  readonly #pooled: Pooled<RawConnection>
  /** Where it came from, and goes back to. */
  readonly source: LeaseSource
  readonly #options: HeldConnectionOptions
  readonly #hold: Hold
  #fate: 'kept' | 'condemned' | 'destroyed' = 'kept'
  #canceller: Canceller | undefined

  constructor(pooled: Pooled<RawConnection>, source: LeaseSource, options: HeldConnectionOptions) {
    this.#pooled = pooled
    this.source = source
    this.#options = options
    this.#hold = source.holders.add(options.lease, this.since)
  }

  get connection(): RawConnection {
    return this.#pooled.resource
  }

  /** When it was taken. */
  get since(): number {
    return this.#pooled.lentAt
  }

  get isDestroyed(): boolean {
    return this.#fate === 'destroyed'
  }

  /** Whether nothing can be sent on it any more. */
  get isLost(): boolean {
    return this.isDestroyed || Boolean(this.connection.__knex__disposed)
  }

  /** Settles when no request to cancel can hit what runs on it next; undefined when none is on its way. */
  get cancelling(): Promise<void> | undefined {
    return this.#canceller?.over
  }

  /** Whether the server has dealt with such a request. */
  get isCancelAnswered(): boolean {
    return this.#canceller?.isAnswered ?? false
  }

  /** Has the server stop what runs on it until `quiet` settles; destroys it when nothing helps. */
  cancel(quiet: Promise<void>): Promise<void> {
    if (this.#canceller === undefined) {
      const canceller = new Canceller({
        ...this.#options,
        engine: this.source.engine,
        connection: this.connection,
        quiet,
        giveUp: () => this.destroy('unanswered'),
      })
      this.#canceller = canceller
      void canceller.over.then(() => {
        this.#canceller = undefined
      })
    }
    return this.#canceller.over
  }

  /** Nobody may have it after this lease. */
  condemn(): void {
    if (this.#fate === 'kept') this.#fate = 'condemned'
  }

  /** Cuts it under whoever uses it: what runs on it is rejected at once, whether the server answers or not. */
  destroy(cause: DestroyCause): void {
    if (this.#fate === 'destroyed') return
    const { since } = this
    this.#fate = 'destroyed'
    this.source.engine.sever(this.connection)
    this.source.pool.destroy(this.#pooled)
    this.#canceller?.stop()
    this.source.events.destroyed(this.#options.lease, since, cause)
  }

  /** Nothing of the lease runs on it any more. It goes to the next once nothing of the lease can hit it. */
  giveBack(): void {
    this.source.holders.delete(this.#hold)
    const { cancelling } = this
    if (cancelling === undefined) this.#giveBackNow()
    else void cancelling.then(() => this.#giveBackNow())
  }

  #giveBackNow(): void {
    const { pool, events } = this.source
    const { lease } = this.#options
    // The pool may lend it to the next in this very instant.
    const { since } = this
    if (this.#fate === 'kept') {
      pool.release(this.#pooled)
      events.released(lease, since)
    } else if (this.#fate === 'condemned') {
      pool.destroy(this.#pooled)
      events.destroyed(lease, since, 'unfit')
    }
  }
}
