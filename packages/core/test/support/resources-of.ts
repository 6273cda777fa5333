import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { onTestFinished } from 'vitest'
import { PooledResources } from '../../src/resources/pooled-resources.ts'
import type { ResourcePoolOptions } from '../../src/resources/resource-pool-options.ts'
import { FakeClock } from './fake-clock.ts'

/** What the pools of these tests lend: something that writes down what is done to it. */
export class Producer {
  readonly index: number
  /** No other one has it. */
  readonly number: number
  readonly log: string[] = []
  isValid = true

  constructor(index: number, number: number) {
    this.index = index
    this.number = number
  }
}

export interface TestResources {
  readonly pool: PooledResources<Producer, string>
  readonly clock: FakeClock
  /** In the order in which they were made. */
  readonly made: Producer[]
  readonly destroyed: { readonly producer: Producer; readonly force: boolean }[]
}

/** A pool in which time is the test's. Transactions write `begin`, `commit` and `rollback` down. */
export function resourcesOf(options: Partial<ResourcePoolOptions<Producer, string>> = {}): TestResources {
  const clock = new FakeClock()
  const made: Producer[] = []
  const destroyed: { producer: Producer; force: boolean }[] = []
  const pool = new PooledResources<Producer, string>(
    {
      name: 'orders',
      size: 2,
      timeoutMs: 1000,
      create(index) {
        const producer = new Producer(index, made.length)
        made.push(producer)
        return producer
      },
      destroy: (producer, { force }) => destroyed.push({ producer, force }),
      begin(producer) {
        producer.log.push('begin')
        return `transaction on ${producer.index}`
      },
      commit: (producer) => producer.log.push('commit'),
      rollback: (producer) => producer.log.push('rollback'),
      ...options,
    },
    { clock, deadlines: clock.deadlines, random: () => 0 },
  )
  return { pool, clock, made, destroyed }
}

const EVENTS = ['created', 'setup', 'reload', 'reloaded', 'shutdown', 'leaked', 'recovered'] as const

/** The events of resource pools from now on, as `event pool`, with their payloads. */
export function eventsOfResources(): { readonly names: string[]; readonly messages: unknown[] } {
  const names: string[] = []
  const messages: unknown[] = []
  for (const event of EVENTS) {
    const listener = (message: unknown) => {
      names.push(`${event} ${(message as { pool: string }).pool}`)
      messages.push(message)
    }
    subscribe(`sherd:resource-pool:${event}`, listener)
    onTestFinished(() => void unsubscribe(`sherd:resource-pool:${event}`, listener))
  }
  return { names, messages }
}
