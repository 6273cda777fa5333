import type { LeaseSource, Reroute } from './lease-source.ts'

/** Which server a lease takes its connections from, and where it goes instead. */
export class LeaseRoute {
  readonly #reroute: Reroute | undefined
  #source: LeaseSource
  #number: number
  /** Where it leads once the lease has nothing to do here. */
  #next: LeaseSource | undefined
  /** Those that the lease was kept from since it had its last connection, the last of them being its source. */
  #tried: LeaseSource[] | undefined

  constructor(source: LeaseSource, reroute: Reroute | undefined) {
    this.#source = source
    this.#number = source.nextNumber()
    this.#reroute = reroute
  }

  get source(): LeaseSource {
    return this.#source
  }

  /** Of the lease, among those of its source. */
  get number(): number {
    return this.#number
  }

  /** Whether it leads to another server now, after `error` has kept the lease from this one. */
  moves(error: unknown): boolean {
    const tried = [...(this.#tried ?? []), this.#source]
    const next = this.#reroute?.(tried, error)
    this.#tried = next && tried
    if (next === undefined) return false
    this.#lead(next)
    return true
  }

  /** The lease has a connection. */
  arrived(): void {
    this.#tried = undefined
  }

  /** Whether the next {@link proceed} leads elsewhere. */
  get isTurning(): boolean {
    return this.#next !== undefined
  }

  /** Leads to `source` from the next {@link proceed} on; false if it leads there already. */
  turn(source: LeaseSource): boolean {
    if (source.id === (this.#next ?? this.#source).id) return false
    this.#next = source
    return true
  }

  /** The lease has no connection any more, and waits for none. */
  proceed(): void {
    if (this.#next === undefined) return
    this.#lead(this.#next)
    this.#tried = undefined
    this.#next = undefined
  }

  #lead(source: LeaseSource): void {
    this.#source = source
    this.#number = source.nextNumber()
  }
}
