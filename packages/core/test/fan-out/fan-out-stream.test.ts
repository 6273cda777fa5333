import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  connectedToAllShards,
  FanOutCancelledError,
  FanOutIncompleteError,
  type FanOutStream,
  FanOutTimeoutError,
  fanOutStream,
  RowsMismatchError,
} from '@sherd/core'
import { scaled } from '@sherd/local-servers/test-scale'
import { expect, test } from 'vitest'
import { errorOf } from '../support/error-of.ts'
import { until } from '../support/until.ts'
import { NOWHERE, openShards } from './open-shards.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

interface Item {
  id: number
  name: string | null
}

async function read<Row extends object>(stream: FanOutStream<Row>) {
  const rows: { shard: string; row: Row }[] = []
  for await (const row of stream) rows.push(row)
  return rows
}

/** Shards with items whose ids are dealt out in turns. */
async function openItems(count: number, size: number, options = {}) {
  const opened = await openShards({ count, ...options })
  const { db } = opened.sharding
  await opened.sharding.fanOut({ concurrency: 2, mode: 'partial' }, ({ shard }) =>
    db.raw(
      `insert into items select id, 'item ' || id from generate_series(?::int, ?::int, ?::int) id
       order by random()`,
      [Number(shard.slice(6)), size - 1, count],
    ),
  )
  return opened
}

test('ordered rows of all shards come as one ordered stream, each with its shard', async () => {
  const { sharding, nothingBusy } = await openItems(4, 50)
  const rows = await read(
    sharding.fanOutStream({ orderBy: 'id' }, () => sharding.db<Item>('items').orderBy('id')),
  )
  expect(rows.map(({ row }) => row.id)).toEqual(Array.from({ length: 50 }, (_, id) => id))
  for (const { shard, row } of rows) expect(shard).toBe(`shard_${row.id % 4}`)
  await nothingBusy()
})

test('rows of 8 shards are merged in the right order, and the memory stays flat', {
  timeout: 600_000,
}, async () => {
  const size = scaled(1_000_000)
  const { sharding, nothingBusy } = await openItems(8, size)
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const stream = sharding.fanOutStream(
    { orderBy: 'id', totalTimeoutMs: null },
    () => sharding.db<Item>('items').orderBy('id').stream({ batchSize: 500 }) as AsyncIterable<Item>,
  )
  let next = 0
  let [early, most] = [0, 0]
  for await (const { row } of stream) {
    if (row.id !== next) expect(row.id).toBe(next)
    next++
    if (next % Math.floor(size / 20) !== 0) continue
    // A collection is due now and then; what is held is what counts.
    await turn()
    if (next <= size / 10) early = Math.max(early, heap())
    else most = Math.max(most, heap())
  }
  expect(next).toBe(size)
  expect(most - early).toBeLessThan(64 * 1024 * 1024)
  await nothingBusy()
})

test('nothing happens before it is read, and no row is fetched before the one before has been taken', async () => {
  const { sharding, busy, nothingBusy } = await openShards({ count: 2 })
  const given: number[] = []
  const stream = sharding.fanOutStream({ orderBy: 'id' }, async function* () {
    for (let id = 0; id < 1000; id++) {
      given.push(id)
      yield { id }
    }
  })
  await turn()
  expect([given, busy()]).toEqual([[], 0])
  await stream.next()
  expect(given).toHaveLength(2)
  await stream.next()
  expect(given).toHaveLength(3)
  expect(busy()).toBe(2)
  await stream.return()
  await nothingBusy()
})

test('limit ends it, shards are told of it, and leaving the loop ends it, too', async () => {
  const { sharding, nothingBusy } = await openItems(3, 30)
  const { db } = sharding
  const limits: unknown[] = []
  const rows = await read(
    sharding.fanOutStream({ orderBy: 'id', limit: 5 }, ({ limit }) => {
      limits.push(limit)
      return db<Item>('items')
        .orderBy('id')
        .limit(limit ?? 0)
    }),
  )
  expect([rows.length, limits]).toEqual([5, [5, 5, 5]])
  await nothingBusy()
  for await (const { row } of fanOutStreamOf()) if (row.id === 3) break
  await nothingBusy()

  function fanOutStreamOf() {
    return sharding.fanOutStream({ orderBy: 'id' }, () => db<Item>('items').orderBy('id'))
  }
})

test('a cursor has the place of each shard, and a stream goes on there: every row once, in order', async () => {
  const { sharding, nothingBusy } = await openItems(3, 40)
  const page = (cursor: object) =>
    sharding.fanOutStream<Item>({ orderBy: 'id', limit: 7, cursor: cursor as never }, ({ after, limit }) =>
      sharding
        .db<Item>('items')
        .where('id', '>', Number(after?.['id'] ?? -1))
        .orderBy('id')
        .limit(limit ?? 7),
    )
  const ids: number[] = []
  let cursor = {}
  for (;;) {
    const stream = page(cursor)
    const rows = await read(stream)
    if (rows.length === 0) break
    ids.push(...rows.map(({ row }) => row.id))
    // As a client keeps it between two pages.
    cursor = JSON.parse(JSON.stringify(stream.cursor))
  }
  expect(ids).toEqual(Array.from({ length: 40 }, (_, id) => id))
  expect(cursor).toEqual({ shard_0: { id: 39 }, shard_1: { id: 37 }, shard_2: { id: 38 } })
  await nothingBusy()
})

test('several columns, descending, NULL and numbers that come as texts are merged as PostgreSQL orders them', async () => {
  const { sharding } = await openItems(3, 12)
  const { db } = sharding
  await connectedToAllShardsOf(() => db('items').where('id', '<', 3).update({ name: null }))
  await connectedToAllShardsOf(() => db('items').where('id', '>', 8).update({ name: 'same' }))
  const order = [{ column: 'name', order: 'desc' }, 'id'] as const
  const rows = await read(
    sharding.fanOutStream<Item>({ orderBy: order }, () =>
      db('items').select('id', 'name').orderByRaw('name collate "C" desc, id'),
    ),
  )
  expect(rows.map(({ row }) => row.id)).toEqual([0, 1, 2, 9, 10, 11, 8, 7, 6, 5, 4, 3])
  const big = () => db('items').select(db.raw('id::bigint as big')).orderBy('id')
  const numbers = await read(
    sharding.fanOutStream<{ big: string }>({ orderBy: { column: 'big', compare: 'number' } }, big),
  )
  expect(numbers.map(({ row }) => Number(row.big))).toEqual(Array.from({ length: 12 }, (_, id) => id))
  const asTexts = sharding.fanOutStream<{ big: string }>({ orderBy: 'big' }, () =>
    db('items').select(db.raw('(id * 5)::bigint as big')).orderBy('id'),
  )
  expect(await errorOf(() => read(asTexts))).toBeInstanceOf(RowsMismatchError)

  function connectedToAllShardsOf(fn: () => unknown) {
    return sharding.connectedToAllShards(fn)
  }
})

test('rows out of order, of other columns or without the column of the order are an error', async () => {
  const { sharding, nothingBusy } = await openShards({ count: 2 })
  const stream = (rows: (shard: string) => object[], orderBy = 'id') =>
    errorOf(() => read(sharding.fanOutStream({ orderBy }, ({ shard }) => rows(shard))))
  expect(await stream(() => [{ id: 2 }, { id: 1 }])).toBeInstanceOf(RowsMismatchError)
  const columns = await stream((shard) => [shard === 'shard_0' ? { id: 1 } : { id: 1, more: 1 }])
  expect(columns).toBeInstanceOf(RowsMismatchError)
  expect((await stream(() => [{ id: 1 }], 'missing')).message).toMatch(/no column "missing"/)
  await nothingBusy()
})

test('a shard that fails is an error, and with a mode that allows it is left out and named', async () => {
  const { sharding, nothingBusy } = await openItems(3, 9, {
    shard: (number: number) => (number === 1 ? { connection: NOWHERE } : {}),
  })
  const query = () => sharding.db<Item>('items').orderBy('id')
  const error = await errorOf(() => read(sharding.fanOutStream({ orderBy: 'id' }, query)))
  expect(error).toBeInstanceOf(FanOutIncompleteError)
  expect(error.message).toMatch(/shard_1: ShardUnavailableError/)
  const stream = sharding.fanOutStream({ orderBy: 'id', mode: 'partial' }, query)
  expect((await read(stream)).map(({ row }) => row.id)).toEqual([0, 2, 3, 5, 6, 8])
  expect([...stream.failures.keys()]).toEqual(['shard_1'])
  expect(stream.metadata).toEqual({
    totalShards: 3,
    successfulShards: 2,
    failedShards: 1,
    completeness: 66.66,
  })
  await nothingBusy()
})

test('a shard that fails midway is an error, too, never fewer rows', async () => {
  const { sharding, nothingBusy } = await openShards({ count: 2 })
  const rows: object[] = []
  const error = await errorOf(async () => {
    const stream = sharding.fanOutStream({ orderBy: 'id' }, async function* ({ shard }) {
      yield { id: 1 }
      if (shard === 'shard_1') throw new Error('torn')
      yield { id: 2 }
    })
    for await (const row of stream) rows.push(row)
  })
  expect(error).toBeInstanceOf(FanOutIncompleteError)
  expect(error.message).toMatch(/shard_1: Error: torn/)
  expect(rows).toHaveLength(2)
  await nothingBusy()
})

test('its deadlines stop it on the servers: for a row, for all of it, and with the signal', async () => {
  const { sharding, running, nothingBusy } = await openShards({ count: 2 })
  const slow = async () => (await sharding.db.raw('select 1 as id from pg_sleep(60)')).rows as Item[]
  const controller = new AbortController()
  const ways = [
    [{ shardTimeoutMs: 1500 }, FanOutIncompleteError],
    [{ totalTimeoutMs: 1500 }, FanOutTimeoutError],
    [{ signal: controller.signal }, FanOutCancelledError],
  ] as const
  for (const [options, expected] of ways) {
    const failed = errorOf(() => read(sharding.fanOutStream({ orderBy: 'id', ...options }, slow)))
    await until(async () => (await running('pg_sleep')) === 2)
    if ('signal' in options) controller.abort()
    expect(await failed).toBeInstanceOf(expected)
    await until(async () => (await running('pg_sleep')) === 0)
    await nothingBusy()
  }
})

test('in a scope its own shard streams on its connection, and the loop may query there', async () => {
  const { sharding, nothingBusy } = await openItems(2, 400, { pool: { max: 1 } })
  const { db } = sharding
  await sharding.connectedTo('shard_0', async () => {
    let rows = 0
    for await (const { row } of fanOutStream<Item>({ orderBy: 'id' }, () => db('items').orderBy('id'))) {
      if (rows++ % 50 === 0) await db('items').where({ id: row.id }).update({ name: 'seen' })
    }
    expect(rows).toBe(400)
    expect((await connectedToAllShards(() => 1)).metadata.totalShards).toBe(2)
  })
  await nothingBusy()
})
