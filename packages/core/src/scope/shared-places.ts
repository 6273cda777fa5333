import type { Binding, ScopeRules } from '../pool/binding.ts'
import type { Endpoint } from '../topology/topology.ts'
import type { Scope } from './scope.ts'

/** What becomes of queries that come after the response. */
export type AfterResponse = Parameters<Binding['lease']['detach']>[0]

/**
 * Where a request, a job or an outermost `connectedTo` is on the shared database, beside its own shard: made when
 * `db.shared` is used first, and ended with it. One for each role, and for each way in which writes are prevented.
 */
export class SharedPlaces<Rules extends ScopeRules> {
  readonly #places = new Map<string, Binding<Rules>>()
  #afterResponse: AfterResponse | undefined

  /** @param afterResponse undefined until the response is complete, and where there is none */
  constructor(afterResponse: AfterResponse | undefined) {
    this.#afterResponse = afterResponse
  }

  find(scope: Scope): Binding<Rules> | undefined {
    return this.#places.get(keyOf(scope))
  }

  /** One that lies on one of these servers, whatever it is for. */
  onOneOf(endpoints: readonly Endpoint[]): Binding<Rules> | undefined {
    const ids = new Set(endpoints.map(({ id }) => id))
    return [...this.#places.values()].find(({ lease }) => ids.has(lease.endpoint))
  }

  add(scope: Scope, place: Binding<Rules>): void {
    this.#places.set(keyOf(scope), place)
    if (this.#afterResponse !== undefined) place.lease.detach(this.#afterResponse)
  }

  /** The response is complete: connections go back once nothing of it is on the wire. */
  detach(afterResponse: AfterResponse): void {
    this.#afterResponse = afterResponse
    for (const { lease } of this.#places.values()) lease.detach(afterResponse)
  }

  /** The client has gone: nobody needs a connection any more that there is not yet. */
  leaveQueue(): void {
    for (const { lease } of this.#places.values()) lease.leaveQueue()
  }

  /** The client has gone: what runs is stopped on the server, what waits is refused. */
  cancelAll(reason: Error): void {
    for (const { lease } of this.#places.values()) lease.cancelAll(reason)
  }

  /** Gives the connections back until the next query. */
  async release(): Promise<void> {
    await Promise.all(Array.from(this.#places.values(), ({ lease, lane }) => lease.release(lane)))
  }
}

function keyOf({ role, preventWrites }: Scope): string {
  return `${role} ${preventWrites}`
}
