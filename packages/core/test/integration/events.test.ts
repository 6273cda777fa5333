import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Sharding, ShardingEvent, ShardingEvents } from '@sherd/core'
import { describe, expect, onTestFinished } from 'vitest'
import { channels } from '../../src/diagnostics/sharding-events.ts'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

const url = await engine.createDatabase()
await runSql(url, 'create table items (id int)')

function open(max = 1): Sharding {
  return openSharding({ one: { connection: url, pool: { max, checkoutTimeoutMs: 5000 } } })
}

type Heard = {
  [E in ShardingEvent]: { readonly event: E; readonly message: ShardingEvents[E] }
}[ShardingEvent]

/** Everything that is told from now on. */
function hear(sharding: Sharding): Heard[] {
  const heard: Heard[] = []
  for (const event of Object.keys(channels) as ShardingEvent[]) {
    sharding.on(event, (message) => heard.push({ event, message } as Heard))
  }
  return heard
}

function names(heard: readonly Heard[], ...nouns: string[]): string[] {
  return heard.map(({ event }) => event).filter((event) => nouns.includes(event.split(':')[0] as string))
}

function only<E extends ShardingEvent>(heard: readonly Heard[], event: E): ShardingEvents[E] {
  const found = heard.filter((one) => one.event === event)
  expect(found, event).toHaveLength(1)
  return found[0]?.message as ShardingEvents[E]
}

test('a scope and its lease tell their whole life, in order, with one correlation', async () => {
  const sharding = open()
  const heard = hear(sharding)
  await sharding.connectedTo('one', () => sharding.connectedTo('one', () => sharding.db.raw('select 1')))
  expect(names(heard, 'scope', 'lease', 'pool', 'connection')).toEqual([
    'pool:created',
    'scope:entered',
    'lease:requested',
    'pool:opened',
    'connection:opened',
    'lease:checked-out',
    'scope:entered',
    'scope:left',
    'lease:released',
    'scope:left',
  ])
  const correlations = heard.flatMap(({ message }) => ('correlation' in message ? [message.correlation] : []))
  expect(correlations).toHaveLength(7)
  expect(new Set(correlations).size).toBe(1)
  expect(only(heard, 'lease:checked-out')).toMatchObject({ shard: 'one', endpoint: 'one', role: 'writing' })
  expect(only(heard, 'lease:checked-out').waitMs).toBeGreaterThan(0)
  expect(only(heard, 'lease:released').heldMs).toBeGreaterThan(0)
  const [outer, inner, ...left] = heard.flatMap(({ event, message }) =>
    event === 'scope:entered' || event === 'scope:left' ? [message.scope] : [],
  )
  expect(left).toEqual([inner, outer])
  expect(outer).not.toBe(inner)
})

test('two scopes that follow each other have a correlation each', async () => {
  const sharding = open()
  const seen = new Set<unknown>()
  sharding.on('scope:entered', ({ correlation }) => seen.add(correlation))
  for (let round = 0; round < 2; round++) await sharding.connectedTo('one', () => {})
  expect(seen.size).toBe(2)
})

test('a Sharding tells its own events alone, and none after its end or the end of the subscription', async () => {
  const [mine, other] = [open(), open()]
  const heard = hear(mine)
  const ended: unknown[] = []
  const off = mine.on('scope:entered', (message) => ended.push(message))
  off()
  off()
  await other.connectedTo('one', () => {})
  expect(heard).toEqual([])
  await mine.connectedTo('one', () => {})
  expect(heard.every(({ message }) => message.sharding === mine.id)).toBe(true)
  expect(ended).toEqual([])
  await mine.close()
  expect(heard.slice(-2).map(({ event }) => event)).toEqual(['pool:drained', 'pool:closed'])
  for (const channel of Object.values(channels))
    expect(channel.hasSubscribers, String(channel.name)).toBe(false)
})

test('an exhausted pool is told once, and again after it has had rest', async () => {
  const sharding = open()
  const heard = hear(sharding)
  async function crowd(): Promise<void> {
    const gate = deferred<void>()
    const holder = sharding.connectedTo('one', () => gate.promise)
    await until(() => sharding.stats().shards['one']?.writing.active === 1)
    const waiting = [1, 2, 3].map(() => sharding.connectedTo('one', () => {}))
    await until(() => sharding.stats().shards['one']?.writing.waiting === 3)
    gate.resolve()
    await Promise.all([holder, ...waiting])
    await until(() => sharding.stats().shards['one']?.writing.idle === 1)
  }
  await crowd()
  expect(only(heard, 'pool:exhausted')).toMatchObject({ shard: 'one', max: 1 })
  await crowd()
  expect(names(heard, 'pool').filter((event) => event === 'pool:exhausted')).toHaveLength(2)
})

test('a lease that gets no connection ends in refused, with the code of the error', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1, checkoutTimeoutMs: 500 } } })
  const heard = hear(sharding)
  await sharding.connectedTo('one', async () => {
    await expect(sharding.connectedTo({ shard: 'one', separate: true }, () => {})).rejects.toThrow()
  })
  const refused = only(heard, 'lease:refused')
  expect(refused.code).toBe('SHARD_ERR_CHECKOUT_TIMEOUT')
  expect(refused.waitMs).toBeGreaterThanOrEqual(499)
  expect(names(heard, 'lease')).toEqual([
    'lease:requested',
    'lease:checked-out',
    'lease:requested',
    'lease:refused',
    'lease:released',
  ])
})

test.needs('SERVER')(
  'a connection that breaks in use ends its lease in destroyed, with the cause',
  async () => {
    const sharding = open()
    const view = await ServerView.open(url)
    const heard = hear(sharding)
    await sharding.connectedTo('one', async () => {
      const pid = await backendPid(sharding.db)
      const query = sharding.db.raw(`select ${engine.sql.sleep(20)}`).then(
        () => 'answered',
        () => 'lost',
      )
      await until(() => view.running(engine.sql.sleeping))
      await view.terminate(pid)
      expect(await query).toBe('lost')
    })
    expect(only(heard, 'lease:destroyed')).toMatchObject({ cause: 'lost', holder: 'connectedTo()' })
    expect(names(heard, 'lease')).not.toContain('lease:released')
    expect(only(heard, 'connection:closed').total).toBe(0)
  },
)

test('a job tells its beginning and its end, and whether it has succeeded', async () => {
  const sharding = open()
  const heard = hear(sharding)
  const job = sharding.shardedJob(
    () => ({ shard: 'one' }),
    async function mend(fails: boolean) {
      if (fails) throw new Error('it failed')
    },
  )
  await job(false)
  await expect(job(true)).rejects.toThrow('it failed')
  expect(heard.flatMap(({ event, message }) => (event === 'job:completed' ? [message.ok] : []))).toEqual([
    true,
    false,
  ])
  expect(names(heard, 'job')).toEqual(['job:started', 'job:completed', 'job:started', 'job:completed'])
  expect(heard.find(({ event }) => event === 'job:completed')?.message).toMatchObject({
    name: 'job mend',
    shard: 'one',
    durationMs: expect.any(Number),
  })
})

test('each message of a batch is a job', async () => {
  const sharding = open()
  const heard = hear(sharding)
  const batch = sharding.shardedBatch(
    () => ({ shard: 'one' }),
    async function mend(message: number) {
      if (message === 2) throw new Error('it failed')
    },
  )
  await batch.settled([1, 2, 3])
  const ended = heard.flatMap(({ event, message }) => (event === 'job:completed' ? [message] : []))
  expect(ended.map(({ ok }) => ok)).toEqual([true, false, true])
  expect(new Set(ended.map(({ correlation }) => correlation)).size).toBe(3)
})

describe('a listener that fails', () => {
  function warnings(): string[] {
    const codes: string[] = []
    const listener = (warning: Error & { code?: string }) => codes.push(String(warning.code))
    process.on('warning', listener)
    onTestFinished(() => void process.off('warning', listener))
    return codes
  }

  test('harms no request and no other listener, whether it throws or rejects, and is told once', async () => {
    const sharding = open()
    const codes = warnings()
    for (const event of Object.keys(channels) as ShardingEvent[]) {
      sharding.on(event, () => {
        throw new Error('the listener failed')
      })
      sharding.on(event, async () => {
        throw new Error('the listener failed later')
      })
    }
    const heard = hear(sharding)
    for (let round = 0; round < 3; round++) {
      const rows = await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
      expect(rows).toBeDefined()
    }
    expect(names(heard, 'lease')).toHaveLength(9)
    await until(() => sharding.stats().shards['one']?.writing.active === 0)
    expect(sharding.stats().shards['one']?.writing.checkoutCount).toBe(3)
    await until(() => codes.includes('SHERD_LISTENER_FAILED'))
    const told = new Set(heard.map(({ event }) => event)).size
    expect(codes.filter((code) => code === 'SHERD_LISTENER_FAILED')).toHaveLength(2 * told)
  })

  test('may use the scope that it is told of, and takes no second connection', async () => {
    const sharding = open()
    const answers: unknown[] = []
    sharding.on('scope:entered', () => sharding.stats())
    sharding.on('lease:checked-out', async () => answers.push(await sharding.db.raw('select 1')))
    await sharding.connectedTo({ shard: 'one', checkout: 'lazy' }, async () => {
      await sharding.db.raw('select 1')
      await until(() => answers.length === 1)
    })
    await until(() => sharding.stats().shards['one']?.writing.active === 0)
    expect(sharding.stats().shards['one']?.writing).toMatchObject({ waiting: 0, checkoutCount: 1 })
  })

  test('of an event that there is not is refused', () => {
    expect(() => open().on('lease:checkedout' as never, () => {})).toThrow(
      /There is no event "lease:checkedout"/,
    )
    expect(() => open().on('lease:leaked', undefined as never)).toThrow(TypeError)
  })
})

test('channels have the same events for whoever wants those of the whole process', async () => {
  const heard: unknown[] = []
  const listener = (message: unknown) => heard.push(message)
  subscribe('sherd:lease:released', listener)
  onTestFinished(() => void unsubscribe('sherd:lease:released', listener))
  const sharding = open()
  await sharding.connectedTo('one', () => {})
  await until(() => heard.length === 1)
  expect(heard).toEqual([expect.objectContaining({ sharding: sharding.id, shard: 'one' })])
})
