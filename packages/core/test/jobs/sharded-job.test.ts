import {
  type Identified,
  ScopeMissingError,
  ShardUnknownError,
  setDefaultSharding,
  shardedJob,
  TenantInvalidError,
  TenantMissingError,
  TenantUnknownError,
} from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { errorOf } from '../support/error-of.ts'
import { openTenants } from './open-tenants.ts'

const databases = { one: await createDatabase(), two: await createDatabase() }
const nameOf = (url: string) => new URL(url).pathname.slice(1)

test("a job runs in its tenant's scope, on one connection, and returns what its handler returns", async () => {
  const { sharding, lent, nothingLent } = openTenants(databases)
  const { db } = sharding
  const job = sharding.shardedJob(
    (data: { tenant: string }) => data.tenant,
    async () => {
      const [first, second] = await Promise.all([backendPid(db), backendPid(db)])
      const { rows } = await db.raw('select current_database() as name')
      expect(lent()).toBe(1)
      return { scope: sharding.currentScope(), isOne: first === second, database: rows[0].name }
    },
  )
  expect(await job({ tenant: 'c' })).toEqual({
    scope: { shard: 'two', tenant: 'c', role: 'writing', preventWrites: false, locked: false },
    isOne: true,
    database: nameOf(databases.two),
  })
  expect(sharding.currentScope()).toBeUndefined()
  await nothingLent()
})

test('this and all arguments reach both functions', async () => {
  const { sharding } = openTenants(databases)
  const seen: unknown[] = []
  const worker = {
    job: sharding.shardedJob(
      function (this: unknown, ...args: [string, number?]) {
        seen.push(this, args)
        return args[0]
      },
      function (this: unknown, ...args: [string, number?]) {
        seen.push(this, args)
      },
    ),
  }
  await worker.job('a', 7)
  expect(seen).toEqual([worker, ['a', 7], worker, ['a', 7]])
  expect(seen[0]).toBe(worker)
})

test('a handler may return a query, which runs in the scope', async () => {
  const { sharding } = openTenants(databases)
  const { db } = sharding
  const job = sharding.shardedJob(
    () => 'a',
    () => db.select(db.raw('1 as n')),
  )
  expect(await job()).toEqual([{ n: 1 }])
})

const A = { shard: 'one', tenant: 'a', role: 'writing', preventWrites: false, locked: false }

test.each<[string, Identified | Promise<Identified>, object]>([
  ['an id', 'a', A],
  ['a number', 7, { ...A, shard: 'two', tenant: '7' }],
  ['a bigint', 7n, { ...A, shard: 'two', tenant: '7' }],
  ['a promise', Promise.resolve('a'), A],
  ['a tenant and a role', { tenant: 'a', role: 'reading' }, { ...A, role: 'reading', preventWrites: true }],
  ['a tenant to be locked to', { tenant: 'a', lock: true }, { ...A, locked: true }],
  ['a shard', { shard: 'two' }, { shard: 'two', role: 'writing', preventWrites: false, locked: false }],
  ['a token', { ...A, role: 'writing', shard: 'two', locked: true }, { ...A, locked: true }],
])('identify may return %s', async (_, identified, scope) => {
  const { sharding } = openTenants(databases)
  const job = sharding.shardedJob(
    () => identified,
    () => sharding.currentScope(),
  )
  expect(await job()).toEqual(scope)
})

test.each<[string, unknown, unknown]>([
  ['nothing', undefined, TenantMissingError],
  ['null', null, TenantMissingError],
  ['an empty target', {}, TenantMissingError],
  ['a target without a place', { role: 'reading' }, TenantMissingError],
  ['a tenant that is missing', { tenant: undefined }, TenantMissingError],
  ['a tenant that is missing on a shard', { shard: 'one', tenant: undefined }, TenantMissingError],
  ['a tenant that is null', { tenant: null }, TenantMissingError],
  ["the job's own data", { tenantId: 'a' }, TenantMissingError],
  ['an empty id', '', TenantInvalidError],
  ['an endless id', 'x'.repeat(300), TenantInvalidError],
  ['a list', ['a'], TenantInvalidError],
  ['a fraction', 1.5, TenantInvalidError],
  ['a boolean', true, TenantInvalidError],
  ['a function', () => 'a', TenantInvalidError],
  ['a nested object', { tenant: { id: 'a' } }, TenantInvalidError],
  ['an unknown id', 'nobody', TenantUnknownError],
  ['an id of another spelling', 'A', TenantUnknownError],
  ['an unknown shard', { shard: 'three' }, ShardUnknownError],
  ['another role', { tenant: 'a', role: 'admin' }, TypeError],
  ['an unknown key', { tenant: 'a', tennant: 'b' }, TypeError],
  ['half a token', { shard: 'one', locked: false }, TypeError],
  ['a signal that is none', { tenant: 'a', signal: 'SIGTERM' }, TypeError],
])('a job identified by %s fails by name and never runs', async (_, identified, kind) => {
  const { sharding, lent } = openTenants(databases)
  const job = sharding.shardedJob(
    () => identified as Identified,
    () => expect.unreachable(),
  )
  expect(await errorOf(() => job())).toBeInstanceOf(kind)
  expect(
    await errorOf(() => sharding.shardedJob(async () => identified as Identified, expect.unreachable)()),
  ).toBeInstanceOf(kind)
  expect(lent()).toBe(0)
})

test('a job that cannot be identified fails with what identify threw', async () => {
  const { sharding } = openTenants(databases)
  const unreadable = sharding.shardedJob(
    (json: string) => JSON.parse(json).tenant,
    () => expect.unreachable(),
  )
  expect(await errorOf(() => unreadable('{'))).toBeInstanceOf(SyntaxError)
})

test('the functions of the package follow the scope they are called in, else the default', async () => {
  const [first, second] = [openTenants(databases).sharding, openTenants(databases).sharding]
  const job = shardedJob(
    () => 'a',
    () => [first, second].map(({ db }) => typeof db.client),
  )
  const whichDb = shardedJob(
    () => 'a',
    async () => {
      const works = async ({ db }: typeof first) => (await db.raw('select 1')).rowCount
      return [
        await works(first).catch((error) => error.code),
        await works(second).catch((error) => error.code),
      ]
    },
  )
  setDefaultSharding(first)
  expect(await job()).toHaveLength(2)
  expect(await whichDb()).toEqual([1, ScopeMissingError.code])
  expect(await second.connectedTo('two', () => whichDb())).toEqual([ScopeMissingError.code, 1])
})

test('queues see the name and the number of parameters that the functions have', () => {
  const { sharding } = openTenants(databases)
  function sendReport(_job: object) {}
  const plain = sharding.shardedJob(() => 'a', sendReport)
  const withSignal = sharding.shardedJob(
    (_job: object, _token?: string, _signal?: AbortSignal) => 'a',
    sendReport,
  )
  expect([plain.name, plain.length]).toEqual(['sendReport', 1])
  expect([withSignal.name, withSignal.length]).toEqual(['sendReport', 3])
})

test('what is no function is refused when the worker is made', () => {
  const { sharding } = openTenants(databases)
  expect(() => sharding.shardedJob(() => 'a', undefined as never)).toThrow('handler is a function')
  expect(() => sharding.shardedBatch('a' as never, () => {})).toThrow('identify is a function')
})
