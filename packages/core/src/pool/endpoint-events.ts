import type { BreakerChange } from '../breaker/circuit-breaker.ts'
import { codeOf } from '../breaker/failure-codes.ts'
import { type BreakerChangedMessage, breakerChanged } from '../diagnostics/breaker-events.ts'
import {
  type CloseCause,
  type ConnectionClosedMessage,
  type ConnectionOpenedMessage,
  connectionClosed,
  connectionOpened,
} from '../diagnostics/connection-events.ts'
import type { EndpointMessage } from '../diagnostics/endpoint-message.ts'
import {
  type PoolClosedMessage,
  type PoolCreatedMessage,
  type PoolDrainedMessage,
  type PoolExhaustedMessage,
  poolClosed,
  poolCreated,
  poolDrained,
  poolExhausted,
  poolOpened,
} from '../diagnostics/pool-events.ts'
import type { Endpoint } from '../topology/topology.ts'
import type { PoolObserver } from './pool-observer.ts'

/** Publishes what becomes of one server's pool. Where nobody listens, nothing is made. */
export class EndpointEvents implements PoolObserver {
  readonly about: EndpointMessage
  readonly #max: number

  constructor(sharding: string, { shard, id, kind, pool }: Pick<Endpoint, 'shard' | 'id' | 'kind' | 'pool'>) {
    this.about = { sharding, shard, endpoint: id, kind }
    this.#max = pool.max
  }

  created(): void {
    if (!poolCreated.hasSubscribers) return
    poolCreated.publish({ ...this.about, max: this.#max } satisfies PoolCreatedMessage)
  }

  connectionOpened(total: number): void {
    if (total === 1 && poolOpened.hasSubscribers) poolOpened.publish({ ...this.about })
    if (!connectionOpened.hasSubscribers) return
    connectionOpened.publish({ ...this.about, total } satisfies ConnectionOpenedMessage)
  }

  connectionClosed(total: number, cause: CloseCause): void {
    if (!connectionClosed.hasSubscribers) return
    connectionClosed.publish({ ...this.about, total, cause } satisfies ConnectionClosedMessage)
  }

  exhausted(): void {
    if (!poolExhausted.hasSubscribers) return
    poolExhausted.publish({ ...this.about, max: this.#max } satisfies PoolExhaustedMessage)
  }

  drained(durationMs: number): void {
    if (!poolDrained.hasSubscribers) return
    poolDrained.publish({ ...this.about, durationMs } satisfies PoolDrainedMessage)
  }

  closed(durationMs: number): void {
    if (!poolClosed.hasSubscribers) return
    poolClosed.publish({ ...this.about, durationMs } satisfies PoolClosedMessage)
  }

  breakerChanged({ from, to, cause }: BreakerChange): void {
    if (!breakerChanged.hasSubscribers) return
    breakerChanged.publish({
      ...this.about,
      from,
      to,
      cause: codeOf(cause),
    } satisfies BreakerChangedMessage)
  }
}
