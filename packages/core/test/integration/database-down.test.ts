import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { startPostgres } from '@sherd/local-servers'
import { createDatabase } from '@sherd/local-servers/test-database'
import { bound } from '@sherd/local-servers/test-scale'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import {
  type BreakerChangedMessage,
  CircuitOpenError,
  createSharding,
  type Sharding,
  ShardUnavailableError,
  ShardUnknownError,
} from '../../src/index.ts'
import { partsOf } from '../../src/sharding.ts'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { errorOf } from '../support/error-of.ts'
import { runSql } from '../support/run-sql.ts'
import { until } from '../support/until.ts'
import { warmUp } from '../support/warm-up.ts'

const server = await startPostgres()
afterAll(() => server.stop({ mode: 'immediate' }))
const url = await createDatabase()

function open(shards: Record<string, object>): Sharding {
  const complete = Object.entries(shards).map(([name, shard]) => [name, { client: 'pg', ...shard }])
  const sharding = createSharding({ config: { shards: Object.fromEntries(complete) } })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  return sharding
}

const ask = (sharding: Sharding, shard = 'one') =>
  sharding.connectedTo(shard, () => sharding.db.raw('select 1'))

function stateOf(sharding: Sharding, shard = 'one'): string {
  const { pools, topology } = partsOf(sharding)
  const found = topology.shards.get(shard)
  if (found === undefined) throw new Error(`no shard ${shard}`)
  return pools.next(found, 'writing').breaker.name
}

/** Asks until the breaker opens. */
async function trip(sharding: Sharding, shard = 'one'): Promise<void> {
  await until(async () => (await errorOf(() => ask(sharding, shard))) instanceof CircuitOpenError)
}

/** Milliseconds until something succeeds. */
async function recovery(sharding: Sharding, shard = 'one'): Promise<number> {
  const since = performance.now()
  await until(() =>
    ask(sharding, shard).then(
      () => true,
      () => false,
    ),
  )
  return performance.now() - since
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number
}

/** A server that says what PostgreSQL says to a wrong password, and notes when it was asked. */
async function refusingServer(code = '28P01'): Promise<{ port: number; asked: number[] }> {
  const asked: number[] = []
  const sockets = new Set<Socket>()
  const fields = `SFATAL\0C${code}\0Mrefused\0\0`
  const refusal = Buffer.concat([
    Buffer.from('E'),
    Buffer.from(new Uint32Array([0]).buffer),
    Buffer.from(fields),
  ])
  refusal.writeUInt32BE(fields.length + 4, 1)
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => {
      asked.push(performance.now())
      socket.end(refusal)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  return { port: (listener.address() as AddressInfo).port, asked }
}

test('fault 8: a database that refuses connections is found out within five failures or a second, then 503 in milliseconds', async () => {
  const sharding = open({ one: { connection: 'postgres://u:p@127.0.0.1:1/d' } })
  const since = performance.now()
  const errors: Error[] = []
  await until(async () => {
    const error = await errorOf(() => ask(sharding))
    errors.push(error)
    return error instanceof CircuitOpenError
  })
  expect(performance.now() - since).toBeLessThan(bound(1000))
  expect(errors.slice(0, -1).every((error) => error instanceof ShardUnavailableError)).toBe(true)
  const times: number[] = []
  for (let i = 0; i < 100; i++) {
    const start = performance.now()
    const error = await errorOf(() => ask(sharding))
    times.push(performance.now() - start)
    expect(error).toBeInstanceOf(CircuitOpenError)
    expect(error).toMatchObject({ shard: 'one', statusCode: 503, cause: { code: 'ECONNREFUSED' } })
    expect((error as CircuitOpenError).retryAfter).toBeGreaterThanOrEqual(1)
  }
  expect(median(times)).toBeLessThan(bound(5))
})

test('fault 19: other shards do not notice; the server returns, and its shard with it', async () => {
  const sharding = open({ one: { connection: server.url }, other: { connection: url } })
  await Promise.all([ask(sharding), ask(sharding, 'other')])
  const changes: BreakerChangedMessage[] = []
  const listener = (message: unknown) => changes.push(message as BreakerChangedMessage)
  subscribe('sherd:breaker:changed', listener)
  onTestFinished(() => void unsubscribe('sherd:breaker:changed', listener))
  await server.halt({ mode: 'immediate' })
  await trip(sharding)
  for (let i = 0; i < 50; i++) {
    const [down, up] = await Promise.allSettled([ask(sharding), ask(sharding, 'other')])
    expect(down.status).toBe('rejected')
    expect(up.status).toBe('fulfilled')
  }
  await server.restart()
  expect(await recovery(sharding)).toBeLessThan(bound(1000))
  expect(stateOf(sharding)).toBe('closed')
  expect(stateOf(sharding, 'other')).toBe('closed')
  expect(changes[0]).toEqual({
    sharding: sharding.id,
    shard: 'one',
    endpoint: 'one',
    kind: 'primary',
    from: 'closed',
    to: 'open',
    cause: expect.any(String),
  })
  expect(changes.at(-1)).toMatchObject({ shard: 'one', from: 'half-open', to: 'closed' })
  expect(changes.some(({ shard }) => shard === 'other')).toBe(false)
})

test('fault 13: restarts under load: 503 while the server is down, served again at once', async () => {
  const sharding = open({ one: { connection: server.url, pool: { max: 4 } } })
  for (const mode of ['fast', 'immediate'] as const) {
    await Promise.all(Array.from({ length: 8 }, () => ask(sharding)))
    await server.restart({ mode })
    expect(await recovery(sharding)).toBeLessThan(bound(1000))
  }
})

test('fault 16: a server that refuses the password is asked at most once a second', async () => {
  const { port, asked } = await refusingServer()
  const sharding = open({ one: { connection: `postgres://u:p@127.0.0.1:${port}/d?sslmode=disable` } })
  const end = performance.now() + 3500
  await until(async () => {
    await errorOf(() => ask(sharding))
    return performance.now() > end
  })
  const gaps = asked.slice(1).map((time, index) => time - (asked[index] as number))
  expect(asked.length).toBeGreaterThanOrEqual(2)
  expect(Math.min(...gaps)).toBeGreaterThan(950)
})

test('fault 15: a server that has no place for more is alive', async () => {
  const { port, asked } = await refusingServer('53300')
  const sharding = open({ one: { connection: `postgres://u:p@127.0.0.1:${port}/d?sslmode=disable` } })
  await until(async () => {
    const error = await errorOf(() => ask(sharding))
    expect(error).not.toBeInstanceOf(CircuitOpenError)
    return asked.length > 6
  })
  expect(stateOf(sharding)).toBe('closed')
})

test('errors in answer to statements never count', async () => {
  const sharding = open({ one: { connection: url, breaker: { failures: 1, minOutcomes: 1 } } })
  for (let i = 0; i < 30; i++) {
    const error = await errorOf(() => sharding.connectedTo('one', () => sharding.db.raw('select 1 / 0')))
    expect(error.code).toBe('22012')
  }
  await ask(sharding)
  expect(stateOf(sharding)).toBe('closed')
})

test('nor do callers that time out or give up while others hold all connections', async () => {
  const pool = { max: 1, checkoutTimeoutMs: 500 }
  const sharding = open({ one: { connection: url, pool, breaker: { failures: 1, minOutcomes: 1 } } })
  await sharding.connectedTo('one', async () => {
    await sharding.db.raw('select 1')
    const codes = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const waiting = sharding.connectedTo({ shard: 'one', separate: true }, () =>
          sharding.db.raw('select 1'),
        )
        return (await errorOf(() => waiting)).code
      }),
    )
    expect(new Set(codes)).toEqual(new Set(['SHARD_ERR_CHECKOUT_TIMEOUT']))
  })
  expect(stateOf(sharding)).toBe('closed')
})

test('fault 14: a backend that is killed in use does not open the breaker', async () => {
  const sharding = open({ one: { connection: url } })
  for (let i = 0; i < 10; i++) {
    await errorOf(() =>
      sharding.connectedTo('one', async () => {
        const pid = await backendPid(sharding.db)
        await runSql(url, `select pg_terminate_backend(${pid})`)
        await sharding.db.raw('select 1')
      }),
    )
    expect(stateOf(sharding)).toBe('closed')
  }
  await ask(sharding)
})

test('a shard isolated by hand refuses at once, those who wait included, and lets what runs finish', async () => {
  const sharding = open({ one: { connection: url, pool: { max: 1 } }, other: { connection: url } })
  const held = deferred()
  const began = deferred()
  const running = sharding.connectedTo('one', async () => {
    began.resolve()
    await held.promise
    return await backendPid(sharding.db)
  })
  await began.promise
  const waiting = errorOf(() => ask(sharding))
  const isolation = sharding.isolate('one')
  const second = sharding.isolate('one')
  expect(await waiting).toBeInstanceOf(CircuitOpenError)
  const error = await errorOf(() => ask(sharding))
  expect(error).toMatchObject({ code: 'SHARD_ERR_CIRCUIT_OPEN', statusCode: 503 })
  expect(error.message).toContain('isolate()')
  held.resolve()
  expect(await running).toBeGreaterThan(0)
  isolation.release()
  isolation.release()
  expect(await errorOf(() => ask(sharding))).toBeInstanceOf(CircuitOpenError)
  second[Symbol.dispose]()
  await ask(sharding)
  expect(() => sharding.isolate('three')).toThrow(ShardUnknownError)
})

test('recover() opens anew what is idle at once, and what is in use when it comes back', async () => {
  const sharding = open({ one: { connection: url, pool: { max: 3 } } })
  const pids = () => Promise.all([1, 2].map(() => sharding.connectedTo('one', () => backendPid(sharding.db))))
  const before = await pids()
  const inUse = await sharding.connectedTo('one', async () => {
    const pid = await backendPid(sharding.db)
    await sharding.recover('one')
    expect(await backendPid(sharding.db)).toBe(pid)
    return pid
  })
  const after = await pids()
  for (const pid of [...before, inUse]) expect(after).not.toContain(pid)
  await expect(sharding.recover('three')).rejects.toThrow(ShardUnknownError)
})

test('recover() of a shard whose connections are all in use waits for one to come back, and stays within max', async () => {
  const sharding = open({ one: { connection: url, pool: { max: 1 } } })
  const held = deferred()
  const began = deferred()
  const running = sharding.connectedTo('one', async () => {
    began.resolve()
    await held.promise
    return await backendPid(sharding.db)
  })
  await began.promise
  const recovered = sharding.recover('one')
  const waiting = sharding.connectedTo('one', () => backendPid(sharding.db))
  held.resolve()
  await recovered
  expect(await waiting).not.toBe(await running)
  expect(sharding.stats().shards['one']?.writing.total).toBe(1)
})

test('recover() of a database that takes no new connection says why, and changes nothing', async () => {
  let address = url
  const sharding = open({ one: { connection: () => address } })
  await warmUp(sharding)
  const pid = await sharding.connectedTo('one', () => backendPid(sharding.db))
  await until(() => sharding.stats().shards['one']?.writing.idle)
  address = 'postgres://u:p@127.0.0.1:1/d'
  const error = await errorOf(() => sharding.recover('one'))
  expect(error).toBeInstanceOf(ShardUnavailableError)
  expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' })
  expect(stateOf(sharding)).toBe('closed')
  expect(await sharding.connectedTo('one', () => backendPid(sharding.db))).toBe(pid)
})

test('recover() closes the breaker', async () => {
  let address = 'postgres://u:p@127.0.0.1:1/d'
  const breaker = { probeIntervalMs: 60_000 }
  const sharding = open({ one: { connection: () => address, breaker } })
  await trip(sharding)
  await expect(sharding.recover('one')).rejects.toThrow(ShardUnavailableError)
  expect(stateOf(sharding)).not.toBe('closed')
  address = url
  await sharding.recover('one')
  expect(stateOf(sharding)).toBe('closed')
  await ask(sharding)
})

test('fault 16: a password that was mended is found by itself', async () => {
  const right = new URL(url)
  const wrong = new URL(url)
  wrong.password = 'wrong'
  let address = wrong
  const sharding = open({ one: { connection: () => address.href } })
  await trip(sharding)
  address = right
  expect(await recovery(sharding)).toBeLessThan(bound(1200))
})

test('a closed Sharding looks for no database any more', async () => {
  const { port, asked } = await refusingServer('57P03')
  const sharding = open({ one: { connection: `postgres://u:p@127.0.0.1:${port}/d?sslmode=disable` } })
  await trip(sharding)
  await sharding.close({ deadlineMs: 0 })
  const known = asked.length
  await runSql(url, 'select pg_sleep(1.5)')
  expect(asked.length).toBe(known)
})
