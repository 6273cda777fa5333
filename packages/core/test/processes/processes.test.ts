import cluster from 'node:cluster'
import { once } from 'node:events'
import { createDatabase } from '@sherd/local-servers/test-database'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { type ConfigObject, createSharding, type Sharding } from '../../src/index.ts'
import { beforeExit, beforeFork, onBoot, shareConnectionBudgets } from '../../src/processes/index.ts'
import { errorOf } from '../support/error-of.ts'
import { until } from '../support/until.ts'

const urls = [await createDatabase(), await createDatabase()]
const { host } = new URL(urls[0] as string)

afterEach(() => beforeExit({ deadlineMs: 0 }))

function configOf(
  maxConnections: number,
  { min = 0, ...rest }: { min?: number; workers?: number } = {},
): ConfigObject {
  return {
    defaults: { client: 'pg', pool: { max: 10, min } },
    servers: { [host]: { maxConnections } },
    shards: { one: { connection: urls[0] as string }, two: { connection: urls[1] as string } },
    ...rest,
  }
}

const shareOf = (sharding: Sharding) => sharding.stats().budgets[host]

/** Warnings of this process with a code of ours, until the current test has finished. */
function watchWarnings(): { readonly code: string; readonly message: string }[] {
  const seen: { code: string; message: string }[] = []
  const note = (warning: Error & { code?: string }) => {
    if (warning.code?.startsWith('SHERD_')) seen.push({ code: warning.code, message: warning.message })
  }
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))
  return seen
}

/** One that has no connection in use, at once. */
async function hold(sharding: Sharding): Promise<() => Promise<void>> {
  const { promise, resolve } = withResolvers()
  const taken = withResolvers()
  const held = sharding.connectedTo('one', async () => {
    taken.resolve()
    await promise
    await sharding.db.raw('select 1')
  })
  await Promise.race([taken.promise, held])
  return async () => {
    resolve()
    await held
  }
}

function withResolvers() {
  let resolve!: () => void
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

test('without anybody to divide it a process has all of a budget', () => {
  expect(shareOf(createSharding({ config: configOf(10) }))).toEqual({
    maxConnections: 10,
    granted: 10,
    taken: 0,
    workers: 1,
  })
})

test('divided by hand each of `workers` processes has the same part, and nobody the rest', async () => {
  const env = { WEB_CONCURRENCY: '4' }
  const config = { ...configOf(10), workers: '${WEB_CONCURRENCY}' as unknown as number }
  const sharding = createSharding({ config, env })
  expect(shareOf(sharding)).toMatchObject({ granted: 2, workers: 4 })
  const release = await Promise.all([hold(sharding), hold(sharding)])
  const late = await errorOf(() =>
    sharding.connectedTo({ shard: 'two', checkoutTimeoutMs: 50 }, () => sharding.db.raw('select 1')),
  )
  expect(late).toMatchObject({ code: 'SHARD_ERR_CHECKOUT_TIMEOUT' })
  expect(late.message).toContain(`servers["${host}"].maxConnections (of 10, this process may have 2)`)
  await Promise.all(release.map((one) => one()))
})

test('a budget that is less than one connection a worker is refused', async () => {
  const error = await errorOf(() => createSharding({ config: configOf(3, { workers: 4 }) }))
  expect(error).toMatchObject({ code: 'SHARD_ERR_CONFIG_INVALID' })
  expect(error.message).toContain('is 3, less than one connection for each of 4 `workers`')
})

test('those that share get more when another one leaves, less when it comes, and never lose what is lent', async () => {
  using shared = shareConnectionBudgets({ graceMs: 0 })
  const first = createSharding({ config: configOf(4) })
  const changes: unknown[] = []
  first.on('budget:changed', ({ sharding: _, ...change }) => changes.push(change))
  await until(() => shareOf(first)?.granted === 4)
  const releases = await Promise.all([hold(first), hold(first), hold(first), hold(first)])
  const second = createSharding({ config: configOf(4) })
  await until(() => shareOf(first)?.granted === 2)
  expect([shareOf(first)?.taken, shareOf(second)?.granted], 'all are lent').toEqual([4, 0])
  const waiting = hold(second)
  await releases[0]?.()
  const release = await waiting
  await releases[1]?.()
  await until(() => shareOf(second)?.granted === 2)
  expect(shareOf(first)).toEqual({ maxConnections: 4, granted: 2, taken: 2, workers: 2 })
  expect(shared.stats()[host]).toEqual({ maxConnections: 4, workers: 2, committed: 4, left: 0 })
  await Promise.all([...releases.slice(2).map((one) => one()), release()])
  await second.close()
  await until(() => shareOf(first)?.granted === 4)
  expect(changes).toEqual([
    { server: host, maxConnections: 4, from: 0, to: 4, workers: 1 },
    { server: host, maxConnections: 4, from: 4, to: 2, workers: 2 },
    { server: host, maxConnections: 4, from: 2, to: 4, workers: 1 },
  ])
})

test('onBoot warms up what the share has room for, and beforeExit gives the share back', async () => {
  using shared = shareConnectionBudgets({ graceMs: 60_000 })
  const other = createSharding({ config: configOf(6) })
  await until(() => shareOf(other)?.granted === 6)
  const sharding = await onBoot({ config: configOf(6, { min: 4 }) })
  await until(() => shareOf(sharding)?.granted === 3)
  const { taken } = shareOf(sharding) ?? {}
  expect(taken).toBeGreaterThan(0)
  expect(taken).toBeLessThanOrEqual(3)
  await beforeExit()
  await until(() => Object.keys(shared.stats()).length === 0)
  expect(await errorOf(() => sharding.connectedTo('one', async () => {}))).toMatchObject({
    code: 'SHARD_ERR_POOL_DRAINING',
  })
})

test('a worker for which there is no connection is told so, and does not begin to serve', async () => {
  const warnings = watchWarnings()
  using _ = shareConnectionBudgets()
  const first = createSharding({ config: configOf(1) })
  await until(() => shareOf(first)?.granted === 1)
  const error = await errorOf(() => onBoot({ config: configOf(1), timeoutMs: 50 }))
  expect(error).toMatchObject({ code: 'SHARD_ERR_BUDGET_UNAVAILABLE' })
  expect(error.message).toContain(`servers["${host}"].maxConnections (1, 2 workers)`)
  await until(() => warnings.length > 0)
  expect(warnings).toMatchObject([{ code: 'SHERD_BUDGET_TOO_SMALL' }])
  expect(warnings[0]?.message).toContain('2 workers share')
})

test('connections of the primary are told of when workers are started, and beforeFork closes them', async () => {
  const warnings = watchWarnings()
  using _ = shareConnectionBudgets()
  cluster.setupPrimary({ execArgv: ['--eval', 'process.exit()'] })
  const fork = () => once(cluster.fork(), 'exit')
  await fork()
  expect(warnings).toEqual([])
  const sharding = createSharding({ config: configOf(4) })
  await sharding.connectedTo('two', () => sharding.db.raw('select 1'))
  await fork()
  await fork()
  await until(() => warnings.length > 0)
  expect(warnings, 'once').toMatchObject([{ code: 'SHERD_POOLS_BEFORE_FORK' }])
  expect(warnings[0]?.message).toContain(`${sharding.id} of this process has connections: 1 to two.`)
  expect(await beforeFork()).toEqual([{ sharding: sharding.id, endpoints: { two: 1 } }])
  expect(await beforeFork()).toEqual([])
})

test('budgets are shared once, by the primary', async () => {
  const { SHERD_BUDGET_COORDINATOR: before } = process.env
  expect(() => shareConnectionBudgets({ graceMs: -1 })).toThrow(TypeError)
  {
    using _ = shareConnectionBudgets()
    expect(() => shareConnectionBudgets()).toThrow('shares its budgets already')
  }
  process.env['SHERD_BUDGET_COORDINATOR'] = String(process.ppid)
  onTestFinished(() => {
    if (before === undefined) delete process.env['SHERD_BUDGET_COORDINATOR']
  })
  expect(() => shareConnectionBudgets()).toThrow('is for the primary')
})
