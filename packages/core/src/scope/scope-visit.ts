import type { Correlated } from '../diagnostics/correlation.ts'
import {
  type ScopeEnteredMessage,
  type ScopeLeftMessage,
  scopeEntered,
  scopeLeft,
} from '../diagnostics/scope-events.ts'
import type { EndpointPool } from '../pool/endpoint-pool.ts'
import type { Clock } from '../util/clock.ts'
import type { Scope } from './scope.ts'

export interface Visited extends Correlated {
  readonly value: Scope
  readonly endpoint: EndpointPool
}

/** Names visits. */
let count = 0

/** The time from entering a scope to leaving it, as events tell it. */
export class ScopeVisit {
  readonly #message: ScopeEnteredMessage
  readonly #clock: Clock
  readonly #since: number

  private constructor(message: ScopeEnteredMessage, clock: Clock) {
    this.#message = message
    this.#clock = clock
    this.#since = clock.now()
  }

  /** Undefined where nobody listens. */
  static begin({ value, endpoint, correlation }: Visited): ScopeVisit | undefined {
    if (!scopeEntered.hasSubscribers && !scopeLeft.hasSubscribers) return undefined
    const { shard, role, tenant } = value
    const { sharding, clock } = endpoint
    const scope = ++count
    // Literals, here and at the end: each request has both events, and a spread costs more than all the rest of one.
    const message =
      tenant === undefined
        ? { sharding, shard, role, scope, correlation }
        : { sharding, shard, role, tenant, scope, correlation }
    if (scopeEntered.hasSubscribers) scopeEntered.publish(message satisfies ScopeEnteredMessage)
    return new ScopeVisit(message, clock)
  }

  end(): void {
    if (!scopeLeft.hasSubscribers) return
    const durationMs = this.#clock.now() - this.#since
    const { sharding, shard, role, tenant, scope, correlation } = this.#message
    const message =
      tenant === undefined
        ? { sharding, shard, role, scope, correlation, durationMs }
        : { sharding, shard, role, tenant, scope, correlation, durationMs }
    scopeLeft.publish(message satisfies ScopeLeftMessage)
  }
}
