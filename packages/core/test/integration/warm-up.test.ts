import { createServer, type Socket } from 'node:net'
import { createDatabase } from '@sherd/local-servers/test-database'
import { bound } from '@sherd/local-servers/test-scale'
import { expect, onTestFinished, test } from 'vitest'
import {
  type ConfigObject,
  ShardUnknownError,
  StartupFailedError,
  type WarmUpProgress,
} from '../../src/index.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { ServerView } from '../support/server-view.ts'

type Shards = Exclude<ConfigObject['shards'], string>

const url = await createDatabase()
const other = await createDatabase()
/** Nobody listens there. */
const DEAD = 'postgres://u:secret@127.0.0.1:1/nowhere'

/** A server that takes connections and never says a word. */
async function silentServer(): Promise<string> {
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    listener.close()
    for (const socket of sockets) socket.destroy()
  })
  return `postgres://u:secret@127.0.0.1:${(listener.address() as { port: number }).port}/silent`
}

const totalOf = (sharding: ReturnType<typeof openSharding>, shard: string) =>
  sharding.stats().shards[shard]?.writing.total

test('opens min connections to each server, one where min is 0, and requests use them', async () => {
  const sharding = openSharding({
    warm: { connection: url, pool: { min: 3 } },
    plain: { connection: other },
  })
  expect(totalOf(sharding, 'warm'), 'nothing opens by itself').toBe(0)
  const report = await sharding.warmUp()
  expect(report).toEqual({
    shards: {
      warm: { status: 'ready', opened: 3, durationMs: expect.any(Number) },
      plain: { status: 'ready', opened: 1, durationMs: expect.any(Number) },
    },
  })
  expect([totalOf(sharding, 'warm'), totalOf(sharding, 'plain')]).toEqual([3, 1])
  await sharding.connectedTo('plain', () => sharding.db.raw('select 1'))
  expect(totalOf(sharding, 'plain')).toBe(1)
  expect((await sharding.warmUp()).shards, 'what is open is not opened again').toMatchObject({
    warm: { status: 'ready', opened: 0 },
    plain: { status: 'ready', opened: 0 },
  })
})

test('min is kept from a warm-up on as from a first use', async () => {
  const own = await createDatabase()
  const sharding = openSharding({ warm: { connection: own, pool: { min: 2 } } })
  await sharding.warmUp()
  const view = await ServerView.open(own)
  const before = (await view.sessions()).map(({ pid }) => pid)
  expect(before).toHaveLength(2)
  for (const pid of before) await view.terminate(pid)
  await expect
    .poll(async () => (await view.sessions()).map(({ pid }) => before.includes(pid)))
    .toEqual([false, false])
})

test('a shard that fails is reported with its code, and keeps nobody from being ready', async () => {
  const sharding = openSharding({
    good: { connection: url, replicas: [{ connection: url }] },
    dead: { connection: DEAD },
    half: { connection: other, replicas: [{ connection: DEAD }] },
  })
  const { shards } = await sharding.warmUp()
  expect(shards['good']).toMatchObject({ status: 'ready', opened: 2 })
  expect(shards['dead']).toMatchObject({
    status: 'failed',
    opened: 0,
    endpoint: 'dead',
    code: 'ECONNREFUSED',
  })
  expect(shards['half']).toMatchObject({
    status: 'failed',
    opened: 1,
    endpoint: 'half/replica-0',
    code: 'ECONNREFUSED',
  })
  expect(JSON.stringify(shards)).not.toContain('secret')
})

test('a shard that is lazy is left to its first request, unless it is named', async () => {
  const sharding = openSharding({ eager: { connection: url }, late: { connection: other, startup: 'lazy' } })
  expect(Object.keys((await sharding.warmUp()).shards)).toEqual(['eager'])
  expect(totalOf(sharding, 'late')).toBe(0)
  expect(Object.keys((await sharding.warmUp({ shards: ['late'] })).shards)).toEqual(['late'])
  expect(totalOf(sharding, 'late')).toBe(1)
})

test('startup: fail rejects once all are done, names shards and codes, and no secret', async () => {
  const sharding = openSharding({
    good: { connection: url },
    dead: { connection: DEAD, startup: 'fail' },
    gone: { connection: DEAD.replace(':1/', ':2/'), startup: 'fail' },
    spare: { connection: DEAD.replace(':1/', ':3/') },
  })
  const done: string[] = []
  const error = await errorOf(() => sharding.warmUp({ onProgress: ({ shard }) => done.push(shard) }))
  expect(error).toBeInstanceOf(StartupFailedError)
  expect(error).toMatchObject({
    code: 'SHARD_ERR_STARTUP_FAILED',
    failures: [
      { shard: 'dead', code: 'ECONNREFUSED' },
      { shard: 'gone', code: 'ECONNREFUSED' },
    ],
  })
  expect((error as Error).message).toContain('dead (ECONNREFUSED), gone (ECONNREFUSED)')
  expect(`${(error as Error).stack}`).not.toContain('secret')
  expect(done.toSorted()).toEqual(['dead', 'gone', 'good', 'spare'])
  expect(totalOf(sharding, 'good')).toBe(1)
})

test('is over by timeoutMs whatever hangs: a server that says nothing, a hook, credentials', async () => {
  const never = new Promise<never>(() => {})
  const sharding = openSharding({
    silent: { connection: await silentServer() },
    hook: { connection: url, afterCreate: () => never },
    credentials: { connection: () => never },
    good: { connection: other },
    behind: { connection: await silentServer() },
    last: { connection: await silentServer() },
  })
  const startedAt = performance.now()
  const { shards } = await sharding.warmUp({ timeoutMs: 1500, concurrency: 4 })
  expect(performance.now() - startedAt).toBeLessThan(bound(100) + 1500)
  expect(shards['good']).toMatchObject({ status: 'ready', opened: 1 })
  for (const name of ['silent', 'hook', 'credentials', 'behind', 'last'])
    expect(shards[name], name).toMatchObject({ status: 'failed', opened: 0, code: 'ETIMEDOUT' })
  // What hung has left its place in the pool: it could not be closed otherwise.
  await sharding.close({ deadlineMs: 200 })
})

test('a hook that hangs keeps its pool neither from the next attempt nor from its end', async () => {
  let hangs = true
  const never = new Promise<never>(() => {})
  const sharding = openSharding({
    one: { connection: url, pool: { min: 2, max: 2 }, afterCreate: () => (hangs ? never : undefined) },
  })
  const first = await sharding.warmUp({ timeoutMs: 100 })
  expect(first.shards['one']).toMatchObject({ status: 'failed', code: 'ETIMEDOUT' })
  hangs = false
  expect((await sharding.warmUp()).shards['one']).toMatchObject({ status: 'ready', opened: 2 })
})

test('shards are warmed a few at a time, and none waits for a batch', async () => {
  let running = 0
  let most = 0
  const gates = new Map<string, () => void>()
  const names = ['a', 'b', 'c', 'd', 'e']
  const sharding = openSharding(
    Object.fromEntries(
      names.map((name) => [
        name,
        {
          connection: async () => {
            running++
            most = Math.max(most, running)
            await new Promise<void>((resolve) => gates.set(name, resolve))
            running--
            return DEAD
          },
        },
      ]),
    ) as Shards,
  )
  const progress: WarmUpProgress[] = []
  const warming = sharding.warmUp({ concurrency: 2, onProgress: (event) => progress.push(event) })
  // `a` stays under way while all others come and go beside it.
  for (const name of ['b', 'c', 'd', 'e', 'a']) {
    await expect.poll(() => gates.has(name)).toBe(true)
    gates.get(name)?.()
  }
  await warming
  expect(most).toBe(2)
  expect(progress.map(({ shard }) => shard)).toEqual(['b', 'c', 'd', 'e', 'a'])
  expect(progress.map(({ doneCount, totalCount }) => `${doneCount}/${totalCount}`)).toEqual(
    names.map((_, index) => `${index + 1}/5`),
  )
})

test('a callback that throws harms nobody', async () => {
  const sharding = openSharding({ one: { connection: url } })
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  const report = await sharding.warmUp({
    onProgress: () => {
      throw new Error('of the caller')
    },
  })
  expect(report.shards['one']).toMatchObject({ status: 'ready' })
  expect((await warned).message).toContain('of the caller')
})

test('bad options are refused before anything is opened', async () => {
  const sharding = openSharding({ one: { connection: url } })
  expect(await errorOf(() => sharding.warmUp({ shards: ['one', 'two'] }))).toBeInstanceOf(ShardUnknownError)
  for (const options of [
    { concurrency: 0 },
    { concurrency: 1.5 },
    { timeoutMs: 0 },
    { timeoutMs: Number.NaN },
  ])
    expect(await errorOf(() => sharding.warmUp(options)), JSON.stringify(options)).toBeInstanceOf(TypeError)
  expect(totalOf(sharding, 'one')).toBe(0)
})

test('an isolated shard is not asked', async () => {
  const sharding = openSharding({ one: { connection: url } })
  using _isolation = sharding.isolate('one')
  expect((await sharding.warmUp()).shards['one']).toMatchObject({
    status: 'failed',
    code: 'SHARD_ERR_CIRCUIT_OPEN',
  })
})
