import type { Connector } from './connector.ts'
import type { Members } from './members.ts'
import { type BudgetedPool, type OpeningBudget, UNLIMITED } from './opening-budget.ts'
import { type Place, PlaceReservations, type PlaceReservationsOptions } from './place-reservations.ts'

export interface PlacesOptions<R> extends Pick<PlaceReservationsOptions<R>, 'onFilled' | 'onLost'> {
  readonly max: number
  readonly members: Members<R>
  readonly connector: Connector<R>
  /** What the pool shares with others, undefined when nothing. */
  readonly joinBudget: ((pool: BudgetedPool) => OpeningBudget) | undefined
  readonly pool: BudgetedPool
  /** Somebody has given up the place that he had asked for. */
  readonly onVacated: () => void
}

/**
 * What may be opened: `max` places, less what is open, being closed, or reserved for somebody who opens something
 * himself; and of those as many as the pool gets out of what it shares with others.
 */
export class Places<R> {
  readonly budget: OpeningBudget
  readonly #max: number
  readonly #members: Members<R>
  readonly #connector: Connector<R>
  readonly #reservations: PlaceReservations<R>

  constructor({ max, members, connector, joinBudget, pool, onFilled, onVacated, onLost }: PlacesOptions<R>) {
    this.#max = max
    this.#members = members
    this.#connector = connector
    this.budget = joinBudget?.(pool) ?? UNLIMITED
    this.#reservations = new PlaceReservations({
      onFilled,
      onVacated: () => {
        this.budget.giveBack()
        onVacated()
      },
      onLost,
    })
  }

  /** Places that are free, or for which an attempt to connect is under way. */
  get room(): number {
    return this.#max - this.#members.places - this.#reservations.held
  }

  /** Places that are free. */
  get free(): number {
    return this.room - this.#connector.pending
  }

  /** Places that will be filled for those who come next, however many wait. */
  get forCallers(): number {
    const room = this.budget.canTake ? this.room : Math.min(this.room, this.#connector.pending)
    return Math.max(0, room)
  }

  /** Places that nobody needs to be sent away for. */
  get spare(): number {
    return this.budget.canTake ? Math.max(0, this.free) : 0
  }

  /** Whether one more could be opened, without closing anything for it here or in another pool. */
  get hasRoom(): boolean {
    return this.free > 0 && this.budget.hasRoom
  }

  /** Whether anybody has or wants a place of his own. */
  get isReserved(): boolean {
    return this.#reservations.held + this.#reservations.wanted > 0
  }

  /** Whether anybody waits for a place of his own. */
  get isWanted(): boolean {
    return this.#reservations.wanted > 0
  }

  /** Whether more of them are wanted than become free by themselves. */
  get isLacking(): boolean {
    return this.#reservations.wanted > this.#members.closing
  }

  reserve(signal: AbortSignal): Promise<Place<R>> {
    return this.#reservations.request(signal)
  }

  /** Gives what is free to those who want a place of their own. */
  grant(): void {
    for (let left = this.free; left > 0 && this.isWanted && this.budget.take(true); left--)
      this.#reservations.grant(1)
  }

  refuseAll(reason: () => unknown): void {
    this.#reservations.refuseAll(reason)
  }
}
