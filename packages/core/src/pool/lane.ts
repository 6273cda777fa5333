import { LeaseBlockedError, type ShardingError } from '../errors.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { Waiter } from './waiter.ts'

/** The right to use the connection until it is left again. */
export interface Turn {
  /** Who has it, as messages name it: `a query`, `transaction trx7`. */
  readonly holder: string
  /** The lane inside, when the holder is a transaction. */
  readonly inner: Lane | undefined
}

export interface LaneContext {
  readonly shard: string
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** How long a connection may lie idle under somebody who has the turn while others wait for it. */
  readonly patienceMs: number
  /** How long the connection has been idle, all in all. */
  idleMs(): number
}

interface Place {
  readonly turn: Turn
  /** How long the connection had been idle when it was taken. */
  readonly idleMs: number
}

/**
 * A queue of turns on one connection: first come, first served, one at a time.
 *
 * A transaction is one turn of its lane and owns a lane inside, in which its own queries take turns; so nobody's
 * query can slip into a transaction that it does not belong to, and a nested transaction is a turn again.
 */
export class Lane {
  readonly #context: LaneContext
  readonly #parent: Lane | undefined
  readonly #queue = new Map<Waiter<void>, Place>()
  #current: Turn | undefined
  #refusal: (() => ShardingError) | undefined

  constructor(context: LaneContext, parent?: Lane) {
    this.#context = context
    this.#parent = parent
  }

  /** Nobody has the turn and nobody waits for it. */
  get isFree(): boolean {
    return this.#current === undefined
  }

  /** Whether somebody has the turn for several queries, such as a transaction, and has not come to the last. */
  get isEntered(): boolean {
    const inner = this.#current?.inner
    return inner !== undefined && inner.#refusal === undefined
  }

  get holder(): string | undefined {
    return this.#current?.holder
  }

  /** What newcomers are refused with, if they are. */
  get refusal(): ShardingError | undefined {
    return this.#refusal?.()
  }

  /** Whether the turn is this one's, and has not been taken away. */
  has(turn: Turn): boolean {
    return this.#current === turn
  }

  /** Whether this lane is `other` or lies inside a transaction of it, at any depth. */
  isWithin(other: Lane): boolean {
    for (let lane: Lane | undefined = this; lane !== undefined; lane = lane.#parent) {
      if (lane === other) return true
    }
    return false
  }

  /** A lane inside, for a transaction that takes its turn in this one. */
  inner(): Lane {
    return new Lane(this.#context, this)
  }

  /** Takes the turn if it is free. Throws when the lane refuses. */
  tryEnter(turn: Turn): boolean {
    if (this.#refusal !== undefined) throw this.#refusal()
    if (this.#current !== undefined) return false
    this.#current = turn
    return true
  }

  /** Waits for the turn. Rejects with LeaseBlockedError, or with what the lane refuses with. */
  async enter(turn: Turn): Promise<void> {
    if (this.tryEnter(turn)) return
    const { clock, deadlines, patienceMs, idleMs } = this.#context
    const now = clock.now()
    const place: Place = { turn, idleMs: idleMs() }
    const waiter = new Waiter<void>(now, now + patienceMs, () => this.#losePatience(waiter, place))
    this.#queue.set(waiter, place)
    deadlines.add(waiter)
    await waiter.promise
  }

  /** Hands the turn to the next; nothing happens when it was taken away before. */
  leave(turn: Turn): void {
    if (this.#current !== turn) return
    this.#current = undefined
    for (const [waiter, place] of this.#queue) {
      this.#remove(waiter)
      this.#current = place.turn
      waiter.serve()
      return
    }
  }

  /** Refuses newcomers; those who wait already get their turns. */
  seal(refusal: () => ShardingError): void {
    this.#refusal ??= refusal
  }

  /** Refuses newcomers and all who wait; whoever has the turn may finish, with all that is inside it. */
  shut(refusal: () => ShardingError): void {
    this.seal(refusal)
    this.#refuseWaiting(refusal)
  }

  /** Refuses all who wait, inside of transactions too; whoever comes later is as welcome as ever. */
  turnAway(refusal: () => ShardingError): void {
    this.#refuseWaiting(refusal)
    this.#current?.inner?.turnAway(refusal)
  }

  /** Refuses newcomers and all who wait, inside of transactions too, and takes the turn from whoever has it. */
  close(refusal: () => ShardingError): void {
    this.shut(refusal)
    const turn = this.#current
    this.#current = undefined
    turn?.inner?.close(refusal)
  }

  /** Takes the turn, and all turns inside it, from whoever has them; their later `leave` has no effect. */
  evict(refusal: () => ShardingError): void {
    const turn = this.#current
    if (turn === undefined) return
    turn.inner?.close(refusal)
    this.leave(turn)
  }

  #refuseWaiting(refusal: () => ShardingError): void {
    for (const waiter of this.#queue.keys()) {
      this.#remove(waiter)
      waiter.refuse(refusal())
    }
  }

  #remove(waiter: Waiter<void>): void {
    this.#queue.delete(waiter)
    this.#context.deadlines.delete(waiter)
  }

  /** Only time in which the connection lay idle counts: a slow query of the holder's is no reason to give up. */
  #losePatience(waiter: Waiter<void>, place: Place): void {
    const { shard, clock, deadlines, patienceMs, idleMs } = this.#context
    const patienceLeftMs = patienceMs - (idleMs() - place.idleMs)
    if (patienceLeftMs > 0) {
      waiter.deadline = clock.now() + patienceLeftMs
      deadlines.add(waiter)
      return
    }
    this.#queue.delete(waiter)
    waiter.refuse(
      new LeaseBlockedError(
        `The connection to shard "${shard}" is kept by ${this.holder}, which has left it idle for ${patienceMs} ms ` +
          'while this query waited. End it first, use its own handle inside it, or take a second connection with ' +
          'connectedTo({ separate: true }, …).',
        { shard },
      ),
    )
  }
}
