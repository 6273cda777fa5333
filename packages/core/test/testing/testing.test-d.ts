import type { Sharding } from '@sherd/core'
import {
  createTestSharding,
  failRouter,
  failShard,
  forceScope,
  type Restorable,
  transactionalTests,
  withRollback,
} from '@sherd/core/testing'
import type { Knex } from 'knex'
import { expectTypeOf, test } from 'vitest'

declare const sharding: Sharding

test('helpers for tests', () => {
  expectTypeOf(createTestSharding()).resolves.toEqualTypeOf<Sharding>()
  createTestSharding({
    config: 'config',
    env: {},
    template: (shard) => `${shard}_template`,
    prepare: (db, shard) => {
      expectTypeOf(db).toEqualTypeOf<Knex>()
      expectTypeOf(shard).toEqualTypeOf<string>()
      return db.migrate.latest()
    },
  })
  // @ts-expect-error a template is a database's name, or a file's
  createTestSharding({ template: 1 })

  expectTypeOf(transactionalTests(sharding).begin).toEqualTypeOf<() => Promise<void>>()
  expectTypeOf(transactionalTests(sharding).rollback).toEqualTypeOf<() => Promise<void>>()
  expectTypeOf(withRollback(sharding, async () => 1)).resolves.toEqualTypeOf<number>()

  expectTypeOf(forceScope(sharding, { shard: 'shard_0', tenant: 7 })).toEqualTypeOf<Restorable>()
  forceScope(sharding, { tenant: 'acme' })
  // @ts-expect-error a scope has a shard or a tenant
  forceScope(sharding, {})

  expectTypeOf(failRouter(sharding)).toEqualTypeOf<Restorable>()
  failShard(sharding, 'shard_0', 'checkout-timeout', { afterMs: 100 }).restore()
  // @ts-expect-error shards do not fail like this
  failShard(sharding, 'shard_0', 'sulking')
  expectTypeOf<Restorable>().toExtend<Disposable>()
})
