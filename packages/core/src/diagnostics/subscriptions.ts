import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { isThenable } from '../util/thenable.ts'
import type { ShardingMessage } from './endpoint-message.ts'
import { channels, type ShardingEvent, type ShardingEvents } from './sharding-events.ts'

export type ShardingListener<E extends ShardingEvent> = (message: ShardingEvents[E]) => unknown

/** Ends a subscription. Idempotent. */
export type Unsubscribe = (() => void) & Disposable

/**
 * The listeners of one Sharding, among those of the process: they hear of nobody else's events, and their failures stay
 * with them. Node would make what a subscriber throws an uncaught exception
 * (https://nodejs.org/api/diagnostics_channel.html#channelpublishmessage).
 */
export class Subscriptions {
  readonly #sharding: string
  readonly #ends = new Set<() => void>()

  /** @param sharding its id */
  constructor(sharding: string) {
    this.#sharding = sharding
  }

  /** @throws TypeError for an event that there is not, or a listener that is no function */
  on<E extends ShardingEvent>(event: E, listener: ShardingListener<E>): Unsubscribe {
    if (!Object.hasOwn(channels, event)) {
      throw new TypeError(`There is no event "${event}"; there are ${Object.keys(channels).join(', ')}.`)
    }
    if (typeof listener !== 'function') throw new TypeError(`The listener of "${event}" is no function.`)
    const { name } = channels[event]
    const receive = this.#receiver(event, listener)
    subscribe(name, receive)
    const end = () => {
      unsubscribe(name, receive)
      this.#ends.delete(end)
    }
    this.#ends.add(end)
    return Object.assign(end, { [Symbol.dispose]: end })
  }

  /** Nobody listens any more. */
  end(): void {
    for (const end of this.#ends) end()
  }

  #receiver<E extends ShardingEvent>(event: E, listener: ShardingListener<E>): (message: unknown) => void {
    let hasFailed = false
    const failed = (error: unknown) => {
      if (!hasFailed) warn(event, error)
      hasFailed = true
    }
    return (message) => {
      if ((message as ShardingMessage).sharding !== this.#sharding) return
      try {
        const result = listener(message as ShardingEvents[E])
        if (isThenable(result)) result.then(undefined, failed)
      } catch (error) {
        failed(error)
      }
    }
  }
}

function warn(event: ShardingEvent, error: unknown): void {
  process.emitWarning(
    `A listener of "${event}" has failed. Nothing else is harmed; further failures of this listener are not told.`,
    { code: 'SHERD_LISTENER_FAILED', detail: error instanceof Error ? String(error.stack) : inspect(error) },
  )
}
