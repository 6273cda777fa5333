import { FanOutIncompleteError, fanOutReduce } from '@sherd/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exactSum } from '../../src/fan-out/exact-sum.ts'
import { compareValues } from '../../src/fan-out/row-order.ts'
import { errorOf } from '../support/error-of.ts'
import { NOWHERE, openShards } from './open-shards.ts'

/** Three shards with the numbers 1 to 2, 3 to 4 and 5 to 10, and one with none. */
async function openNumbers() {
  const opened = await openShards({ count: 4 })
  const { db } = opened.sharding
  const parts = [[1, 2], [3, 4], [5, 6, 7, 8, 9, 10], []]
  await opened.sharding.connectedToAllShards(({ shard }) => {
    const rows = (parts[Number(shard.slice(6))] ?? []).map((id) => ({ id, name: `n${id}` }))
    return rows.length === 0 ? undefined : db('items').insert(rows)
  })
  return opened
}

test('count, sum, average, min and max are those of all rows', async () => {
  const { sharding, nothingBusy } = await openNumbers()
  const { db } = sharding
  const count = await sharding.fanOutReduce({ reduce: 'count' }, () => db('items').count())
  expect(count).toMatchObject({ value: 10, metadata: { totalShards: 4, completeness: 100 } })
  expect((await sharding.fanOutReduce({ reduce: 'sum' }, () => db('items').sum('id'))).value).toBe('55')
  expect((await sharding.fanOutReduce({ reduce: 'max' }, () => db('items').max('id'))).value).toBe(10)
  expect((await sharding.fanOutReduce({ reduce: 'min' }, () => db('items').min('id').first())).value).toBe(1)
  const text = { reduce: { max: 'text' } } as const
  expect((await sharding.fanOutReduce(text, () => db('items').max('name'))).value).toBe('n9')
  await nothingBusy()
})

test('an average is made of sums and counts: shards have different numbers of rows', async () => {
  const { sharding } = await openNumbers()
  const { db } = sharding
  const average = await sharding.fanOutReduce({ reduce: 'average' }, () =>
    db('items').sum({ sum: 'id' }).count({ count: '*' }),
  )
  expect(average.value).toBe(5.5)
  const none = await sharding.fanOutReduce({ reduce: 'average', shards: ['shard_3'] }, () =>
    db('items').sum({ sum: 'id' }).count({ count: '*' }).first(),
  )
  expect(none.value).toBeNull()
  await errorOf(() => sharding.fanOutReduce({ reduce: 'average' }, () => [{ avg: 3 }])).then((error) =>
    expect(error.message).toMatch(/shard "shard_0" is not \{ sum, count \}/),
  )
})

test('the top rows are those of all shards, and name their shards', async () => {
  const { sharding } = await openNumbers()
  const orderBy = { column: 'id', order: 'desc' } as const
  const top = await sharding.fanOutReduce({ reduce: { top: 3, orderBy } }, () =>
    sharding.db<{ id: number }>('items').select('id').orderBy('id', 'desc').limit(3),
  )
  expect(top.value).toEqual([10, 9, 8].map((id) => ({ shard: 'shard_2', row: { id } })))
})

test('where nobody has a row there is no sum, least or greatest', async () => {
  const { sharding } = await openNumbers()
  const { db } = sharding
  const shards = ['shard_3']
  expect(
    (await sharding.fanOutReduce({ reduce: 'sum', shards }, () => db('items').sum('id'))).value,
  ).toBeNull()
  expect(
    (await sharding.fanOutReduce({ reduce: 'min', shards }, () => db('items').min('id'))).value,
  ).toBeNull()
})

test('sums of big and of decimal numbers are exact', async () => {
  const { sharding } = await openShards({ count: 3 })
  const big = await sharding.fanOutReduce({ reduce: 'sum' }, () =>
    sharding.db.raw('select 9007199254740993').then(({ rows }) => rows),
  )
  expect(big.value).toBe('27021597764222979')
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.nat(6)), { minLength: 1 }),
      (parts) => {
        const texts = parts.map(([digits, decimals]) => {
          const text = String(digits < 0n ? -digits : digits).padStart(decimals + 1, '0')
          const at = text.length - decimals
          return `${digits < 0n ? '-' : ''}${text.slice(0, at)}${decimals === 0 ? '' : `.${text.slice(at)}`}`
        })
        const millionths = parts.reduce(
          (sum, [digits, decimals]) => sum + digits * 10n ** BigInt(6 - decimals),
          0n,
        )
        const [whole = '', fraction = ''] = String(exactSum(texts)).split('.')
        expect(
          BigInt(whole.replace('-', '') + fraction.padEnd(6, '0')) * (whole.startsWith('-') ? -1n : 1n),
        ).toBe(millionths)
      },
    ),
  )
})

test('texts compare as UTF-8 does', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const expected = Buffer.compare(Buffer.from(a), Buffer.from(b))
      expect(Math.sign(compareValues(a, b))).toBe(expected)
    }),
  )
})

test('what cannot be reduced is an error that says why', async () => {
  const { sharding } = await openShards({ count: 2 })
  const message = async (reduce: unknown, value: unknown) =>
    (await errorOf(() => sharding.fanOutReduce({ reduce } as never, () => value as never))).message
  expect(await message('median', 1)).toMatch(/"reduce".*'count'/)
  expect(await message('count', 'many')).toMatch(/"shard_0" is not a count/)
  expect(await message('sum', 'x')).toMatch(/is no number/)
  expect(await message('max', '9')).toMatch(/max: 'text'|min: 'number'/)
  expect(await message('min', [{ a: 1, b: 2 }])).toMatch(/is not one value/)
  expect(await message({ top: 3 }, [])).toMatch(/need an order/)
})

test('a shard that is missing makes no smaller result, unless the mode allows it', async () => {
  const { sharding } = await openShards({
    count: 3,
    shard: (number) => (number === 0 ? { connection: NOWHERE } : {}),
  })
  const ask = (mode: 'complete' | 'partial') =>
    sharding.connectedTo('shard_1', () => fanOutReduce({ reduce: 'sum', mode }, () => 1))
  expect(await errorOf(() => ask('complete'))).toBeInstanceOf(FanOutIncompleteError)
  expect(await ask('partial')).toMatchObject({ value: 2, metadata: { failedShards: 1, completeness: 66.66 } })
})
