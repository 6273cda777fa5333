import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import {
  CheckoutTimeoutError,
  PoolDrainingError,
  PoolOverloadedError,
  ShardUnavailableError,
} from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, onTestFinished, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { barrier } from '../support/barrier.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

const url = await createDatabase()

test('ten scopes at once on a pool of ten have ten backends, each its own to the end; the eleventh waits', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 10 } } })
  const { db } = sharding
  const stats = () => sharding.stats().shards['one']?.writing
  const [everybody, finish] = [barrier(11), deferred()]
  const scopes = Array.from({ length: 10 }, () =>
    sharding.connectedTo('one', async () => {
      const pids = [await backendPid(db)]
      await everybody()
      pids.push(await backendPid(db), await backendPid(db))
      pids.push(await db.transaction((trx) => backendPid(trx)))
      for await (const { pid } of db.select(db.raw('pg_backend_pid() as pid')).stream()) pids.push(pid)
      await finish.promise
      return new Set(pids)
    }),
  )
  await everybody()
  let eleventhRuns = false
  const eleventh = sharding.connectedTo('one', async () => {
    eleventhRuns = true
    return backendPid(db)
  })
  await until(() => stats()?.waiting === 1)
  expect(stats()).toMatchObject({ total: 10, active: 10, idle: 0, max: 10, utilization: 100 })
  await new Promise(setImmediate)
  expect(eleventhRuns).toBe(false)
  finish.resolve()
  const pids = await Promise.all(scopes)
  for (const own of pids) expect(own.size).toBe(1)
  const all = new Set(pids.flatMap((own) => [...own]))
  expect(all.size).toBe(10)
  expect(all).toContain(await eleventh)
})

test('a thousand scopes share ten connections, and each is served', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 10, checkoutTimeoutMs: 30_000 } } })
  const { db } = sharding
  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, n) =>
      sharding.connectedTo('one', async () => (await db.raw('select ?::int as n', [n])).rows[0].n),
    ),
  )
  expect(answers).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  const view = await ServerView.open(url)
  expect((await view.sessions()).length).toBeLessThanOrEqual(10)
})

test('past its deadline whoever waits is told so, with the figures, no earlier and not much later', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const finish = deferred()
  const holder = sharding.connectedTo('one', () => finish.promise)
  await until(() => sharding.stats().shards['one']?.writing.active === 1)
  const since = performance.now()
  const errors = await Promise.all(
    [200, 500].map(async (checkoutTimeoutMs) => {
      const target = { shard: 'one', checkoutTimeoutMs }
      const error = await errorOf(() => sharding.connectedTo(target, () => expect.unreachable()))
      return { error, ms: performance.now() - since }
    }),
  )
  for (const [index, ms] of [200, 500].entries()) {
    const found = errors[index]
    expect(found?.error).toBeInstanceOf(CheckoutTimeoutError)
    expect(found?.error.message).toMatch(new RegExp(`"one" within ${ms} ms \\(1 of 1 in use`))
    expect(found?.error).toMatchObject({ shard: 'one', retryable: true, statusCode: 503 })
    expect(found?.ms).toBeGreaterThanOrEqual(ms - 1)
    expect(found?.ms).toBeLessThan(10 * ms)
  }
  finish.resolve()
  await holder
})

test('the queue has a bound', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1, maxWaiting: 2 } } })
  const finish = deferred()
  const waiting = [1, 2, 3].map(() => sharding.connectedTo('one', () => finish.promise))
  await until(() => sharding.stats().shards['one']?.writing.waiting === 2)
  const error = await errorOf(() => sharding.connectedTo('one', () => expect.unreachable()))
  expect(error).toBeInstanceOf(PoolOverloadedError)
  finish.resolve()
  await Promise.all(waiting)
})

test('a port that refuses is told at once, to everybody who waits', async () => {
  const server = await listen(createServer())
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const sharding = openSharding({ one: { connection: `postgres://u:secret@127.0.0.1:${port}/d` } })
  for (let round = 0; round < 3; round++) {
    const since = performance.now()
    const errors = await Promise.all(
      Array.from({ length: 200 }, () =>
        errorOf(() => sharding.connectedTo('one', () => expect.unreachable())),
      ),
    )
    expect(performance.now() - since).toBeLessThan(1500)
    for (const error of errors) {
      expect(error).toBeInstanceOf(ShardUnavailableError)
      expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' })
      expect(error.message).not.toContain('secret')
    }
  }
  expect(sharding.stats().shards['one']?.writing).toMatchObject({ total: 0, waiting: 0 })
})

test('a wrong password is an unavailable shard, with the reason of the server', async () => {
  const wrong = new URL(url)
  wrong.password = 'wrong'
  const sharding = openSharding({ one: { connection: wrong.href } })
  const error = await errorOf(() => sharding.connectedTo('one', () => expect.unreachable()))
  expect(error).toBeInstanceOf(ShardUnavailableError)
  expect(error.cause).toMatchObject({ code: '28P01' })
})

test('a server that accepts and never answers costs no more than the deadline', async () => {
  const open = new Set<object>()
  const server = await listen(
    createServer((socket) => {
      open.add(socket)
      socket
        .resume()
        .on('error', () => {})
        .on('close', () => open.delete(socket))
    }),
  )
  const { port } = server.address() as AddressInfo
  const sharding = openSharding({
    one: {
      connection: `postgres://u@127.0.0.1:${port}/d`,
      pool: { checkoutTimeoutMs: 400, connectTimeoutMs: 100 },
    },
  })
  const since = performance.now()
  const error = await errorOf(() => sharding.connectedTo('one', () => expect.unreachable()))
  expect([CheckoutTimeoutError.name, ShardUnavailableError.name]).toContain(error.name)
  expect(performance.now() - since).toBeLessThan(4000)
  expect((error.cause as Error).message).toContain('100 ms')
  await sharding.close()
  await until(() => open.size === 0)
})

test('a server that comes back after a black hole is used at once', async () => {
  let isOpen = false
  const { hostname, port } = new URL(url)
  const proxy = await listen(
    createServer((socket) => {
      socket.on('error', () => {})
      if (!isOpen) return void socket.resume()
      const onward = connect(Number(port), hostname)
      onward.on('error', () => socket.destroy())
      socket.pipe(onward).pipe(socket)
      socket.on('close', () => onward.destroy())
    }),
  )
  const through = new URL(url)
  through.port = String((proxy.address() as AddressInfo).port)
  const sharding = openSharding({
    one: { connection: through.href, pool: { checkoutTimeoutMs: 2000, connectTimeoutMs: 1000 } },
  })
  const { db } = sharding
  await errorOf(() => sharding.connectedTo('one', () => expect.unreachable()))
  isOpen = true
  const since = performance.now()
  const served = () => sharding.connectedTo('one', () => backendPid(db)).catch(() => undefined)
  expect(await until(served)).toBeTypeOf('number')
  expect(performance.now() - since).toBeLessThan(10_000)
})

test('idle connections above the minimum are closed after a while', async () => {
  const sharding = openSharding({
    one: { connection: url, pool: { max: 5, min: 1, idleTimeoutMs: 200 } },
  })
  const view = await ServerView.open(url)
  const everybody = barrier(5)
  await Promise.all([1, 2, 3, 4, 5].map(() => sharding.connectedTo('one', () => everybody())))
  expect(await view.sessions()).toHaveLength(5)
  await until(async () => (await view.sessions()).length === 1)
  expect(sharding.stats().shards['one']?.writing).toMatchObject({ total: 1, idle: 1 })
})

test('a connection past its lifetime is replaced when it is free, not under its user', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1, maxLifetimeMs: 200 } } })
  const { db } = sharding
  const first = await sharding.connectedTo('one', async () => {
    const pid = await backendPid(db)
    await db.raw('select pg_sleep(0.25)')
    expect(await backendPid(db)).toBe(pid)
    return pid
  })
  expect(await sharding.connectedTo('one', () => backendPid(db))).not.toBe(first)
})

test('close lends nothing more, refuses who waits, lets leases finish, and leaves no session', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1 } } })
  const { db } = sharding
  const view = await ServerView.open(url)
  const [entered, finish] = [deferred(), deferred()]
  const scope = sharding.connectedTo('one', async () => {
    entered.resolve()
    await finish.promise
    return (await db.raw('select 1 as n')).rows
  })
  await entered.promise
  const waiting = errorOf(() => sharding.connectedTo('one', () => expect.unreachable()))
  const closed = Promise.all([sharding.close(), sharding.close()])
  expect(await waiting).toBeInstanceOf(PoolDrainingError)
  expect(await errorOf(() => sharding.connectedTo('one', () => 1))).toBeInstanceOf(PoolDrainingError)
  finish.resolve()
  expect(await scope).toEqual([{ n: 1 }])
  await closed
  expect(await view.sessions()).toEqual([])
  await sharding.close()
  expect(await errorOf(() => sharding.connectedTo('one', () => 1))).toBeInstanceOf(PoolDrainingError)
})

test('close takes the connection from those who have not finished by the deadline', async () => {
  const sharding = openSharding({ one: { connection: url } })
  const { db } = sharding
  const view = await ServerView.open(url)
  const scope = sharding.connectedTo('one', () => errorOf(() => db.raw('select pg_sleep(60)')))
  await until(() => view.running('pg_sleep'))
  const since = performance.now()
  await sharding.close({ deadlineMs: 100 })
  expect(performance.now() - since).toBeLessThan(2000)
  expect((await scope).message).toMatch(/terminated|canceling/)
  await until(async () => !(await view.running('pg_sleep')))
})

test('close of what was never used is nothing', async () => {
  const sharding = openSharding({ one: { connection: url } })
  await sharding.close()
  expect(await errorOf(() => sharding.connectedTo('one', () => 1))).toBeInstanceOf(PoolDrainingError)
})

test('await using closes a Sharding', async () => {
  const view = await ServerView.open(url)
  const sharding = openSharding({ one: { connection: url } })
  await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
  await sharding[Symbol.asyncDispose]()
  expect(await view.sessions()).toEqual([])
})

function listen(server: Server): Promise<Server> {
  onTestFinished(() => void server.close())
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
