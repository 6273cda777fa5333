import { expectTypeOf, test } from 'vitest'
import {
  createResourcePool,
  createSharding,
  defineResource,
  type ResourcePool,
  type Sharding,
  setDefaultSharding,
} from '../../src/index.ts'

interface Producer {
  send(text: string): Promise<void>
}
declare const producer: Producer
declare const sharding: Sharding

test('a pool lends what create makes, and begin what a transaction is', async () => {
  const pool = createResourcePool({
    create: async () => producer,
    destroy: (resource) => expectTypeOf(resource).toEqualTypeOf<Producer>(),
    begin: () => ({ id: 1 }),
    commit: (_resource, transaction) => expectTypeOf(transaction).toEqualTypeOf<{ id: number }>(),
    rollback: () => {},
  })
  expectTypeOf(pool).toEqualTypeOf<ResourcePool<Producer, { id: number }>>()
  expectTypeOf(await pool.with(async () => 'text')).toEqualTypeOf<string>()
  await pool.transaction((resource, transaction) => {
    expectTypeOf(resource).toEqualTypeOf<Producer>()
    expectTypeOf(transaction).toEqualTypeOf<{ id: number }>()
  })
})

test('sharding.resource() knows the names and what is behind them', () => {
  const typed = createSharding({
    resources: {
      events: (_shard) =>
        defineResource({
          create: async () => producer,
          destroy: (resource) => expectTypeOf(resource).toEqualTypeOf<Producer>(),
        }),
    },
  })
  expectTypeOf(typed.resource('events')).toEqualTypeOf<ResourcePool<Producer, unknown>>()
  // @ts-expect-error there is none of that name
  typed.resource('event')
  expectTypeOf(typed).toExtend<Sharding>()
  setDefaultSharding(typed)
  expectTypeOf(sharding.resource('events')).toEqualTypeOf<ResourcePool<unknown>>()
})
