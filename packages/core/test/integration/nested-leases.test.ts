import { ScopeEndedError } from '@sherd/core'
import { expect } from 'vitest'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { until } from '../support/until.ts'

const one = await engine.createDatabase()
const two = await engine.createDatabase()

function open() {
  const sharding = openSharding({
    one: { connection: one, replicas: [{ connection: one }] },
    two: { connection: two },
  })
  /** On the primary and the replica of shard one, and on shard two. */
  const lent = () => {
    const { one, two } = sharding.stats().shards
    return [one?.writing.active, one?.reading.active, two?.writing.active]
  }
  return { sharding, lent }
}

test('L5: a scope that ends takes the connections of the scopes inside it along', async () => {
  const { sharding, lent } = open()
  const { db } = sharding
  const [inside, goOn] = [deferred(), deferred()]
  let left: Promise<Error> | undefined
  await sharding.connectedTo('one', async () => {
    left = errorOf(() =>
      sharding.connectedTo('two', () =>
        sharding.connectedTo('two', () =>
          sharding.connectedTo({ shard: 'one', role: 'reading' }, async () => {
            inside.resolve()
            await goOn.promise
            await db.raw('select 1')
          }),
        ),
      ),
    )
    await inside.promise
    expect(lent()).toEqual([1, 1, 1])
  })
  await until(() => lent().every((count) => count === 0))
  goOn.resolve()
  expect(await left).toBeInstanceOf(ScopeEndedError)
})

test('L5: a transaction in a scope inside is rolled back with the scope around it', async () => {
  const { sharding, lent } = open()
  const { db } = sharding
  await sharding.connectedTo('two', () => db.raw('create table left_open (id int)'))
  const [begun, never] = [deferred(), deferred()]
  await sharding.connectedTo('one', async () => {
    sharding
      .connectedTo('two', () =>
        db.transaction(async () => {
          await db('left_open').insert({ id: 1 })
          begun.resolve()
          await never.promise
        }),
      )
      .catch(() => {})
    await begun.promise
  })
  await until(() => lent().every((count) => count === 0))
  expect(await sharding.connectedTo('two', () => db('left_open'))).toEqual([])
})

test.needs('SERVER')(
  'L5: what is on the wire of a scope inside settles before its connection goes back',
  async () => {
    const { sharding, lent } = open()
    let slow: Promise<unknown> | undefined
    await sharding.connectedTo('one', async () => {
      const sent = deferred()
      slow = sharding.connectedTo('two', () => {
        const answer = sharding.db.raw(`select ${engine.sql.sleep(0.2)}`).then(() => lent())
        sent.resolve()
        return answer
      })
      await sent.promise
    })
    expect(await slow).toEqual([0, 0, 1])
  },
)

test('L5: a scope inside that ends first leaves the one around it as it is', async () => {
  const { sharding, lent } = open()
  await sharding.connectedTo('one', async () => {
    await sharding.connectedTo('two', () => sharding.db.raw('select 1'))
    await until(() => lent()[2] === 0)
    expect(lent()).toEqual([1, 0, 0])
    await sharding.db.raw('select 1')
  })
})
