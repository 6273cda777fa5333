import {
  type ConfigObject,
  connectedTo,
  connectedToTenant,
  createSharding,
  currentScope,
  db,
  defineConfig,
  requireScope,
  type Scope,
  type ScopeToken,
  type Sharding,
  ShardingError,
  setDefaultSharding,
  type Target,
  unlocked,
  withRawConnection,
  withTransaction,
} from '@sherd/core'
import type { Knex } from 'knex'
import { describe, expectTypeOf, test } from 'vitest'

interface User {
  id: number
  name: string
}

declare module 'knex/types/tables.js' {
  interface Tables {
    users_of_the_type_tests: User
  }
}

describe('connectedTo', () => {
  test('infers what a query returns', () => {
    expectTypeOf(
      connectedTo('one', () => db('users_of_the_type_tests').select('name')),
    ).resolves.toEqualTypeOf<Pick<User, 'name'>[]>()
    expectTypeOf(connectedTo('one', () => db<User>('users').first())).resolves.toEqualTypeOf<
      User | undefined
    >()
    expectTypeOf(connectedTo('one', () => db<User>('users').pluck('id'))).resolves.toEqualTypeOf<number[]>()
    expectTypeOf(connectedToTenant('acme', async () => await db<User>('users'))).resolves.toEqualTypeOf<
      User[]
    >()
  })

  test('returns a promise of anything else, without nesting it', () => {
    expectTypeOf(connectedTo('one', () => 42)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(connectedTo('one', async () => 'text')).toEqualTypeOf<Promise<string>>()
    expectTypeOf(connectedTo('one', () => connectedTo('two', () => 1n))).toEqualTypeOf<Promise<bigint>>()
    expectTypeOf(connectedTo('one', () => {})).toEqualTypeOf<Promise<void>>()
  })

  test('takes a name or parts, and nothing else', () => {
    expectTypeOf<{ tenant: number }>().toExtend<Target>()
    expectTypeOf<{ tenant: bigint; role: 'reading'; checkout: 'lazy' }>().toExtend<Target>()
    // @ts-expect-error: a misspelt part
    connectedTo({ tennant: 'acme' }, () => 1)
    // @ts-expect-error: no such role
    connectedTo({ role: 'primary' }, () => 1)
    // @ts-expect-error: a missing tenant is a mistake, not "stay where you are"
    connectedTo({ tenant: undefined }, () => 1)
    // @ts-expect-error: a tenant may be missing
    connectedToTenant(undefined, () => 1)
    // @ts-expect-error: the function is missing
    connectedTo('one')
    // @ts-expect-error: a shard has a name, not a number
    connectedTo(1, () => 1)
  })
})

describe('db', () => {
  test('is knex', () => {
    expectTypeOf(db).toExtend<Knex>()
    expectTypeOf(db.shared).toEqualTypeOf<Knex>()
    expectTypeOf(db('users').select('*')).toEqualTypeOf(({} as Knex)('users').select('*'))
    expectTypeOf(db.transaction(async (trx) => trx<User>('users').first())).resolves.toEqualTypeOf<
      User | undefined
    >()
    // @ts-expect-error: no such column
    db('users_of_the_type_tests').where({ nmae: 'ann' })
    // @ts-expect-error: db follows the scope, nobody sets it
    connectedTo('one', () => {}).db = db
  })
})

describe('scopes', () => {
  test('are read, not written', () => {
    expectTypeOf(currentScope()).toEqualTypeOf<Scope | undefined>()
    expectTypeOf(requireScope()).toEqualTypeOf<Scope>()
    expectTypeOf<Scope['tenant']>().toEqualTypeOf<string | undefined>()
    // @ts-expect-error: a scope is immutable
    requireScope().shard = 'two'
    // @ts-expect-error: there may be none
    currentScope().shard
    expectTypeOf(JSON.parse('{}') as ScopeToken).toExtend<Omit<Scope, 'epoch'>>()
  })

  test('unlocked returns what its function returns, as it is', () => {
    expectTypeOf(unlocked(() => 1)).toEqualTypeOf<number>()
    expectTypeOf(unlocked(async () => 1)).toEqualTypeOf<Promise<number>>()
  })

  test('withTransaction takes a transaction, not any knex', () => {
    const use = (trx: Knex.Transaction) => withTransaction(trx, () => db<User>('users').first())
    expectTypeOf(use).returns.resolves.toEqualTypeOf<User | undefined>()
    // @ts-expect-error: not a transaction
    withTransaction(db, () => 1)
  })

  test('withRawConnection lets the caller say what the connection is', () => {
    interface Client {
      query(sql: string): Promise<{ rows: unknown[] }>
    }
    expectTypeOf(withRawConnection((client: Client) => client.query('select 1'))).resolves.toEqualTypeOf<{
      rows: unknown[]
    }>()
    // @ts-expect-error: nothing is known about it otherwise
    withRawConnection(async (client) => client.query('select 1'))
  })
})

describe('a Sharding', () => {
  test('is made from a configuration that editors check', () => {
    expectTypeOf(createSharding()).toEqualTypeOf<Sharding>()
    expectTypeOf(setDefaultSharding).parameter(0).toEqualTypeOf<Sharding>()
    const config = defineConfig({
      router: { strategy: 'static' },
      tenant: { header: 'x-tenant-id' },
      defaults: { client: 'pg', pool: { max: 10 } },
      shards: { one: { connection: 'postgres://localhost/one', tenants: ['acme', 7, 8n] } },
    })
    expectTypeOf(config).toExtend<ConfigObject>()
    // @ts-expect-error: an unknown key
    defineConfig({ shards: { one: { connection: '', poool: {} } } })
    // @ts-expect-error: no shards
    defineConfig({})
  })

  test('has the functions of the package, and can be disposed of', () => {
    expectTypeOf<Sharding>().toExtend<AsyncDisposable>()
    expectTypeOf<Sharding['connectedTo']>().toEqualTypeOf<typeof connectedTo>()
    expectTypeOf<Sharding['db']>().toEqualTypeOf<typeof db>()
    expectTypeOf<Sharding['stats']>().returns.toHaveProperty('shards')
  })

  test('fails with errors that can be told apart', () => {
    const error: unknown = null
    if (error instanceof ShardingError) {
      expectTypeOf(error.code).toEqualTypeOf<string>()
      expectTypeOf(error.retryAfter).toEqualTypeOf<number | undefined>()
      // @ts-expect-error: read only
      error.code = 'x'
    }
    // @ts-expect-error: the base class is abstract
    new ShardingError('')
  })
})
