import type { BreakerStateName, Correlation, Sharding } from '@sherd/core'
import { expectTypeOf, test } from 'vitest'

declare const sharding: Sharding

test('a listener is typed by the name of its event', () => {
  sharding.on('breaker:changed', ({ to, sharding: id }) => {
    expectTypeOf(to).toEqualTypeOf<BreakerStateName>()
    expectTypeOf(id).toEqualTypeOf<string>()
  })
  sharding.on('lease:released', ({ heldMs, correlation }) => {
    expectTypeOf(heldMs).toEqualTypeOf<number>()
    expectTypeOf(correlation).toEqualTypeOf<Correlation>()
  })
  // @ts-expect-error: there is no such event
  sharding.on('lease:checkedout', () => {})
  // @ts-expect-error: events of pools name no tenant
  sharding.on('pool:exhausted', ({ tenant }) => tenant)
})

test('a subscription ends by a call, or with `using`', () => {
  const off = sharding.on('scope:left', () => {})
  expectTypeOf(off).toExtend<(() => void) & Disposable>()
})

test('stats have the shape of the roles, and holders only on request', () => {
  const endpoint = sharding.stats({ holders: true }).shards['shard_0']?.writing.endpoints['shard_0']
  expectTypeOf(endpoint?.checkoutWaitMs.p99).toEqualTypeOf<number | undefined>()
  expectTypeOf(endpoint?.breaker.since).toEqualTypeOf<string | null | undefined>()
})
