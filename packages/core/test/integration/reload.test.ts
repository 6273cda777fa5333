import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createDatabase } from '@sherd/local-servers/test-database'
import { scaled } from '@sherd/local-servers/test-scale'
import { expect, onTestFinished, test } from 'vitest'
import {
  CircuitOpenError,
  ConfigInvalidError,
  type ConfigObject,
  createSharding,
  PoolDrainingError,
  ReroutingRefusedError,
  ScopeMismatchError,
  type Sharding,
  ShardUnavailableError,
  ShardUnknownError,
  TenantUnknownError,
} from '../../src/index.ts'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

type Shards = Exclude<ConfigObject['shards'], string>

const one = await createDatabase()
const two = await createDatabase()
const three = await createDatabase()

const configOf = (shards: Shards, rest: Omit<ConfigObject, 'shards'> = {}): ConfigObject => ({
  defaults: { client: 'pg' },
  ...rest,
  shards,
})

function open(shards: Shards, rest?: Omit<ConfigObject, 'shards'>): Sharding {
  const sharding = createSharding({ config: configOf(shards, rest) })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  return sharding
}

const databaseOf = async ({ db }: Sharding): Promise<string> =>
  (await db.raw('select current_database() as name')).rows[0].name

const ask = (sharding: Sharding, shard: string) => sharding.connectedTo(shard, () => databaseOf(sharding))
const pidOf = (sharding: Sharding, shard: string) =>
  sharding.connectedTo(shard, () => backendPid(sharding.db))
const nameOf = (url: string) => new URL(url).pathname.slice(1)

/** Runs a scope on `shard` that lasts until `end()` is called, and settles with what it saw of its connection. */
async function hold(sharding: Sharding, shard: string) {
  const begun = deferred<number>()
  const { promise, resolve } = deferred()
  const done = sharding.connectedTo(shard, async () => {
    begun.resolve(await backendPid(sharding.db))
    await promise
    return backendPid(sharding.db)
  })
  return { pid: await begun.promise, end: resolve, done }
}

test('a shard that is added serves at once', async () => {
  const sharding = open({ a: { connection: one } })
  const shards = { a: { connection: one }, b: { connection: two, tenants: ['acme'] } }
  const report = await sharding.reload({ config: configOf(shards) })
  expect(report).toEqual({ version: 2, added: ['b'], changed: [], removed: [], rerouted: [] })
  expect(sharding.shardNames).toEqual(['a', 'b'])
  expect(await ask(sharding, 'b')).toBe(nameOf(two))
  expect(await sharding.shardFor('acme')).toBe('b')
  expect(Object.keys(sharding.stats().shards)).toEqual(['a', 'b'])
})

test('a shard that is removed is refused, and keeps no connection once those who have it are done', async () => {
  const sharding = open({ a: { connection: one }, b: { connection: two, tenants: ['acme'] } })
  const held = await hold(sharding, 'b')
  const idle = await pidOf(sharding, 'b')
  expect(idle).not.toBe(held.pid)
  const report = await sharding.reload({ config: configOf({ a: { connection: one } }) })
  expect(report.removed).toEqual(['b'])
  expect(sharding.shardNames).toEqual(['a'])
  expect(await errorOf(() => ask(sharding, 'b'))).toBeInstanceOf(ShardUnknownError)
  expect(await errorOf(() => sharding.shardFor('acme'))).toBeInstanceOf(TenantUnknownError)
  const view = await ServerView.open(two)
  await until(async () => (await view.sessions()).every(({ pid }) => pid === held.pid))
  held.end()
  expect(await held.done, 'it has kept its connection').toBe(held.pid)
  await until(async () => (await view.sessions()).length === 0)
})

test('a shard that is changed gets new connections, and who is in it keeps the old', async () => {
  const sharding = open({ a: { connection: one, session: { 'app.version': 'old' } } })
  const setting = async () =>
    (await sharding.db.raw("select current_setting('app.version') as value")).rows[0].value
  const held = await hold(sharding, 'a')
  const entered = deferred()
  const { promise: go, resolve: proceed } = deferred()
  const later = sharding.connectedTo({ shard: 'a', checkout: 'lazy' }, async () => {
    entered.resolve()
    await go
    const lazily = await setting()
    await sharding.releaseConnection()
    const again = await setting()
    const nested = await sharding.connectedTo('a', setting)
    return [lazily, again, nested]
  })
  await entered.promise
  const config = configOf({ a: { connection: one, session: { 'app.version': 'new' } } })
  const report = await sharding.reload({ config })
  expect(report).toMatchObject({ added: [], changed: ['a'], removed: [] })
  expect(await sharding.connectedTo('a', setting)).toBe('new')
  proceed()
  expect(await later, 'S3: it stays on one connection of its own time').toEqual(['old', 'old', 'old'])
  held.end()
  expect(await held.done).toBe(held.pid)
  const view = await ServerView.open(one)
  await until(async () => {
    const pids = (await view.sessions()).map(({ pid }) => pid)
    return !pids.includes(held.pid) && pids.length === sharding.stats().shards['a']?.writing.total
  })
})

test('what is not changed keeps its connections, its counts and its isolation', async () => {
  const sharding = open({ a: { connection: one }, b: { connection: two }, c: { connection: three } })
  const pid = await pidOf(sharding, 'a')
  const isolation = sharding.isolate('c')
  const shards = { a: { connection: one, tenants: ['acme'] }, c: { connection: three, pool: { max: 3 } } }
  const report = await sharding.reload({ config: configOf(shards) })
  expect(report).toMatchObject({ added: [], changed: ['c'], removed: ['b'] })
  expect(await pidOf(sharding, 'a')).toBe(pid)
  expect(await sharding.shardFor('acme')).toBe('a')
  expect(await errorOf(() => ask(sharding, 'c')), 'isolated before').toBeInstanceOf(CircuitOpenError)
  isolation.release()
  expect(await ask(sharding, 'c')).toBe(nameOf(three))
})

test('a configuration that is wrong changes nothing and says why', async () => {
  const sharding = open({ a: { connection: one, tenants: ['acme'] } })
  const pid = await pidOf(sharding, 'a')
  const error = await errorOf(() =>
    sharding.reload({ config: configOf({ a: { connection: one, pool: { max: -1 } }, B: {} }) }),
  )
  expect(error).toBeInstanceOf(ConfigInvalidError)
  expect(error.message).toMatch(/pool\.max/)
  expect(sharding.shardNames).toEqual(['a'])
  expect(await pidOf(sharding, 'a')).toBe(pid)
  expect((await sharding.reload()).version, 'the source is still the old one').toBe(2)
  expect(await pidOf(sharding, 'a')).toBe(pid)
})

test('a reload that routes tenants elsewhere is refused with the list, and taken when that is allowed', async () => {
  const tenants = Array.from({ length: 30 }, (_, index) => `tenant_${index}`)
  const before = { a: { connection: one, tenants }, b: { connection: two } }
  const config = configOf({ a: { connection: one }, b: { connection: two, tenants, pool: { max: 1 } } })
  const sharding = open(before)
  const pid = await pidOf(sharding, 'b')
  const error = await errorOf(() => sharding.reload({ config }))
  expect(error).toBeInstanceOf(ReroutingRefusedError)
  expect(error.message).toMatch(/tenant "tenant_0" from a to b; .*; and 20 more\. /)
  const { reroutings } = error as ReroutingRefusedError
  expect(reroutings).toHaveLength(30)
  expect(reroutings[29]).toEqual({ kind: 'tenant', subject: 'tenant_29', from: 'a', to: 'b' })
  expect(await sharding.shardFor('tenant_0')).toBe('a')
  expect(await pidOf(sharding, 'b'), 'nothing has changed').toBe(pid)
  const report = await sharding.reload({ config, allowRerouting: true })
  expect(report.rerouted).toEqual(reroutings)
  expect(await sharding.shardFor('tenant_0')).toBe('b')
})

test('fault 26: a shard that is renamed takes its database over, and two may swap; a copy is refused', async () => {
  const sharding = open({ a: { connection: one }, b: { connection: two } })
  for (const shard of ['a', 'b']) await ask(sharding, shard)
  const held = await hold(sharding, 'a')
  await sharding.reload({ config: configOf({ renamed: { connection: one }, b: { connection: two } }) })
  expect(await ask(sharding, 'renamed'), 'while somebody is still in it').toBe(nameOf(one))
  held.end()
  await held.done
  await sharding.reload({ config: configOf({ renamed: { connection: two }, b: { connection: one } }) })
  expect([await ask(sharding, 'renamed'), await ask(sharding, 'b')]).toEqual([nameOf(two), nameOf(one)])
  await sharding.reload({
    config: configOf({ renamed: { connection: two }, b: { connection: one }, copy: { connection: two } }),
  })
  const refused = await errorOf(() => ask(sharding, 'copy'))
  expect(refused).toBeInstanceOf(ShardUnavailableError)
  expect((refused.cause as Error).message).toMatch(/Shards "renamed" and "copy" lead to the same database/)
})

test('fault 26: a scope from before the reload is still kept out of another shard’s database', async () => {
  const sharding = open({ a: { connection: one }, b: { connection: one } })
  await ask(sharding, 'a')
  const entered = deferred()
  const { promise: go, resolve: proceed } = deferred()
  const stray = sharding.connectedTo({ shard: 'b', checkout: 'lazy' }, async () => {
    entered.resolve()
    await go
    return databaseOf(sharding)
  })
  await entered.promise
  await sharding.reload({ config: configOf({ a: { connection: one }, b: { connection: two } }) })
  expect(await ask(sharding, 'b')).toBe(nameOf(two))
  proceed()
  expect(((await errorOf(() => stray)).cause as Error).message).toMatch(/lead to the same database/)
})

test('fault 16: a wrong password is healed by a reload', async () => {
  const user = `rotated_${Math.random().toString(36).slice(2)}`
  await runSql(one, `create role ${user} login password 'first'`)
  onTestFinished(() => runSql(one, `drop role ${user}`))
  const urlFor = (password: string) => {
    const url = new URL(one)
    url.username = user
    url.password = password
    return url.href
  }
  const env = { PASSWORD: 'first' }
  const config = configOf({ a: { connection: urlFor('PLACE').replace('PLACE', `\${PASSWORD}`) } })
  const sharding = createSharding({ config, env })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  const view = await ServerView.open(one)
  const pid = await pidOf(sharding, 'a')
  await runSql(one, `alter role ${user} password 'second'`)
  await view.terminate(pid)
  await until(() => sharding.stats().shards['a']?.writing.total === 0)
  expect(await errorOf(() => ask(sharding, 'a'))).toBeInstanceOf(ShardUnavailableError)
  env.PASSWORD = 'second'
  expect((await sharding.reload()).changed).toEqual(['a'])
  expect(await ask(sharding, 'a')).toBe(nameOf(one))
})

test('reload and reloaded are told in this order and once, and only of what was taken', async () => {
  const told: unknown[] = []
  for (const event of ['reload', 'reloaded'] as const) {
    const listener = (message: unknown) => {
      const { sharding: id, ...rest } = message as { sharding: string }
      if (id === sharding.id) told.push([event, rest, sharding.shardNames])
    }
    subscribe(`sherd:topology:${event}`, listener)
    onTestFinished(() => void unsubscribe(`sherd:topology:${event}`, listener))
  }
  const sharding = open({ a: { connection: one } })
  await errorOf(() => sharding.reload({ config: configOf({ a: {} }) }))
  await sharding.reload({ config: configOf({ b: { connection: two } }) })
  const message = { from: 1, to: 2, added: ['b'], changed: [], removed: ['a'] }
  expect(told).toEqual([
    ['reload', message, ['a']],
    ['reloaded', message, ['b']],
  ])
})

test('reloads that are asked for at once are done one after the other', async () => {
  const sharding = open({ a: { connection: one } })
  const [first, second, third] = await Promise.allSettled([
    sharding.reload({ config: configOf({ a: { connection: one }, b: { connection: two } }) }),
    sharding.reload({ config: configOf({}) }),
    sharding.reload({ config: configOf({ b: { connection: two }, c: { connection: three } }) }),
  ])
  expect(first).toMatchObject({ value: { version: 2, added: ['b'], removed: [] } })
  expect(second).toMatchObject({ reason: { code: 'SHARD_ERR_CONFIG_INVALID' } })
  expect(third).toMatchObject({ value: { version: 3, added: ['c'], removed: ['a'] } })
})

test('a look-up that is under way while the configuration is replaced is made again', async () => {
  const answer = deferred<string>()
  const config = (lookup: (tenant: string) => string | Promise<string>) =>
    configOf({ a: { connection: one }, b: { connection: two } }, { router: { strategy: 'lookup', lookup } })
  const sharding = createSharding({ config: config(() => answer.promise) })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  const where = sharding.connectedToTenant('acme', () => databaseOf(sharding))
  await sharding.reload({ config: config(() => 'b') })
  answer.resolve('a')
  expect(await where).toBe(nameOf(two))
  expect(await errorOf(() => sharding.connectedTo({ shard: 'a', tenant: 'acme' }, () => {}))).toBeInstanceOf(
    ScopeMismatchError,
  )
})

test('what listens to queries by db.on() hears those of new pools', async () => {
  const sharding = open({ a: { connection: one } })
  const heard: string[] = []
  sharding.db.on('query', ({ sql }: { sql: string }) => heard.push(sql))
  await sharding.reload({ config: configOf({ b: { connection: two } }) })
  await sharding.connectedTo('b', () => sharding.db.raw('select 42'))
  expect(heard).toContain('select 42')
})

test('after close() there is nothing to reload, and close() waits for what a reload has left', async () => {
  const sharding = open({ a: { connection: one } })
  const held = await hold(sharding, 'a')
  await sharding.reload({ config: configOf({ b: { connection: two } }) })
  let isClosed = false
  const closed = sharding.close({ deadlineMs: 60_000 }).then(() => {
    isClosed = true
  })
  expect(await errorOf(() => sharding.reload())).toBeInstanceOf(PoolDrainingError)
  expect(isClosed).toBe(false)
  held.end()
  await held.done
  await closed
  expect(await (await ServerView.open(one)).sessions()).toEqual([])
})

test('200 reloads under load that add, change and remove shards fail no request and leave nothing behind', async () => {
  const kept: Shards = { kept: { connection: one, pool: { max: 4 } } }
  const changing = (round: number): Shards => ({
    changing: { connection: two, pool: { max: 4, maxWaiting: 1000 + (round % 2) } },
  })
  const sharding = open({ ...kept, ...changing(0) })
  const failures: unknown[] = []
  let served = 0
  let isOver = false
  const caller = async (shard: string) => {
    while (!isOver) {
      try {
        await sharding.connectedTo(shard, async () => {
          await sharding.db.raw('select 1')
          await sharding.releaseConnection()
          await sharding.db.transaction((trx) => trx.raw('select 2'))
        })
        served++
      } catch (error) {
        failures.push(error)
      }
    }
  }
  const callers = Array.from({ length: 12 }, (_, index) => caller(index % 2 === 0 ? 'kept' : 'changing'))
  const coming: Promise<unknown>[] = []
  for (let round = 1; round <= scaled(200); round++) {
    const extra: Shards = round % 2 === 1 ? { coming: { connection: three } } : {}
    await sharding.reload({ config: configOf({ ...kept, ...changing(round), ...extra }) })
    if (round % 2 === 1) {
      // It is still in use when the next round removes it.
      const entered = deferred()
      coming.push(
        sharding.connectedTo('coming', async () => {
          entered.resolve()
          await sharding.db.raw('select pg_sleep(0.01)')
        }),
      )
      await entered.promise
    }
  }
  await sharding.reload({ config: configOf({ ...kept, ...changing(0) }) })
  isOver = true
  await Promise.all([...callers, ...coming])
  expect(failures).toEqual([])
  expect(served).toBeGreaterThan(0)
  const gone = await ServerView.open(three)
  await until(async () => (await gone.sessions()).length === 0)
  const view = await ServerView.open(two)
  await until(async () => {
    const total = sharding.stats().shards['changing']?.writing.total
    return (await view.sessions()).length === total
  })
}, 120_000)
