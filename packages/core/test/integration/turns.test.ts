import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { LeaseBlockedError } from '@sherd/core'
import type { Knex } from 'knex'
import { beforeEach, expect } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { driverWarnings } from '../support/driver-warnings.ts'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { insertNumbers } from '../support/numbers.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { until } from '../support/until.ts'
import { warmUp } from '../support/warm-up.ts'

const url = await engine.createDatabase()
beforeEach(() =>
  runSql(
    url,
    'drop table if exists numbers',
    'drop table if exists doubled',
    'create table numbers (id int)',
    insertNumbers('numbers', 1000),
    `create table doubled (position ${engine.sql.serial}, id int)`,
  ),
)

function open() {
  const sharding = openSharding({ one: { connection: url, pool: { max: 3, checkoutTimeoutMs: 20_000 } } })
  return { sharding, db: sharding.db }
}
const openCursors = async (db: Knex) => (engine.sql.cursors === undefined ? [] : await db(engine.sql.cursors))
const oneTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

test('L3: Promise.all over twenty queries is right, on one backend, and draws no warning from the driver', async () => {
  const warnings = driverWarnings()
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const answers = await Promise.all(
      oneTo(20).map(async (n) => {
        const rows = engine.rows(
          await db.raw(`select ${engine.sql.int} as n, ${engine.sql.session} as pid`, [n]),
        )
        return rows[0]
      }),
    )
    expect(answers.map(({ n }) => n)).toEqual(oneTo(20))
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(1)
  })
  await new Promise(setImmediate)
  expect(warnings).toEqual([])
})

test('L3: queries run in the order in which they are awaited, whichever was made first', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const queries = oneTo(20).map((id) => db('doubled').insert({ id }))
    await Promise.all(queries.toReversed())
    const rows = await db('doubled').orderBy('position')
    expect(rows.map(({ id }) => id)).toEqual(oneTo(20).toReversed())
  })
})

test('L3: a query that fails leaves the turn to the next', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const settled = await Promise.allSettled([
      db.raw('select * from no_such_table'),
      db.raw('select 2 as n'),
      db.raw('nonsense'),
      db.raw(''),
      db.raw('select 4 as n'),
    ])
    expect(settled.map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
    ])
  })
})

for (const batchSize of [undefined, 1, 7, 1000, 5000]) {
  test.needs('CURSORS')(
    `L3: a query for each of 1,000 streamed rows works on the one connection, batch size ${batchSize}`,
    async () => {
      const warnings = driverWarnings()
      const { sharding, db } = open()
      await sharding.connectedTo('one', async () => {
        const pid = await backendPid(db)
        const stream = db('numbers')
          .orderBy('id')
          .stream(batchSize === undefined ? {} : { batchSize })
        const ids: number[] = []
        for await (const { id } of stream) {
          const rows = engine.rows(
            await db.raw(`select ${engine.sql.int} as id, ${engine.sql.session} as pid`, [id]),
          )
          expect(rows[0].pid).toBe(pid)
          ids.push(rows[0].id)
        }
        expect(ids).toEqual(oneTo(1000))
        expect(await openCursors(db)).toEqual([])
      })
      expect(warnings).toEqual([])
    },
  )
}

test.needs('CURSORS')(
  'L3: a query for each streamed row works inside a transaction, and belongs to it',
  async () => {
    const { sharding, db } = open()
    await sharding.connectedTo('one', async () => {
      const failure = new Error('on purpose')
      const error = await errorOf(() =>
        db.transaction(async (trx) => {
          let count = 0
          for await (const { id } of db('numbers').orderBy('id').stream()) {
            await (id % 2 === 0 ? trx : db)('doubled').insert({ id })
            count++
          }
          expect(count).toBe(1000)
          expect(await openCursors(trx)).toEqual([])
          expect(await trx('doubled').count('* as n').first()).toMatchObject({
            n: expect.toSatisfy((n) => Number(n) === 1000),
          })
          throw failure
        }),
      )
      expect(error).toBe(failure)
      expect(await db('doubled')).toEqual([])
    })
  },
)

test.needs('HELD_CURSORS')(
  'L3: cursors are held by the server outside of transactions and not inside',
  async () => {
    const { sharding, db } = open()
    await sharding.connectedTo('one', async () => {
      const look = async () => {
        let seen: boolean[] = []
        for await (const _row of db('numbers').stream({ batchSize: 500 })) {
          if (seen.length === 0) seen = await db('pg_cursors').pluck('is_holdable')
        }
        return seen
      }
      expect(await look()).toEqual([true])
      expect(await db.transaction(look)).toEqual([false])
    })
  },
)

test.needs('CURSORS')('L3: a comment before a streamed query makes no difference', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    let rows = 0
    for await (const _row of db('numbers')
      .comment('report:1')
      .comment('* / -- page')
      .stream({ batchSize: 10 })) {
      await db.raw('select 1')
      rows++
    }
    expect(rows).toBe(1000)
  })
})

test.needs('CURSORS')('L3: two streams at once share the connection', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const [up, down] = ['asc', 'desc'].map((order) =>
      db('numbers').orderBy('id', order).stream({ batchSize: 10 })[Symbol.asyncIterator](),
    )
    const pairs: number[] = []
    for (;;) {
      const [one, other] = await Promise.all([up?.next(), down?.next()])
      if (one?.done || other?.done) break
      pairs.push(one?.value.id + other?.value.id)
    }
    expect(pairs).toEqual(oneTo(1000).map(() => 1001))
  })
})

test.needs('CURSORS')('L3: streams inside streams, each with bindings', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    let sum = 0
    for await (const { id } of db('numbers').where('id', '<=', 12).orderBy('id').stream({ batchSize: 5 })) {
      for await (const inner of db('numbers').where('id', '<=', id).stream({ batchSize: 5 })) sum += inner.id
    }
    expect(sum).toBe(oneTo(12).reduce((total, n) => total + (n * (n + 1)) / 2, 0))
  })
})

test('L3: a stream left early closes its cursor and lets the others go on', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    for await (const { id } of db('numbers').orderBy('id').stream({ batchSize: 10 })) if (id === 15) break
    await until(async () => (await openCursors(db)).length === 0)
    const stream = db('numbers').stream()
    stream.once('data', () => stream.destroy())
    await new Promise((resolve) => stream.once('close', resolve))
    expect(await db('numbers').count('* as n').first()).toMatchObject({
      n: expect.toSatisfy((n) => Number(n) === 1000),
    })
  })
})

test('L3: a stream that is destroyed before it was read costs nothing', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    db('numbers').stream().destroy()
    const second = db('numbers').stream()
    second.resume()
    second.destroy()
    await db.raw('select 1')
  })
})

test('L3: a piped stream holds its turn until it ends; what comes then waits', async () => {
  const warnings = driverWarnings()
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    let seen = 0
    let isOver = false
    const sink = new Writable({
      objectMode: true,
      highWaterMark: 4,
      write: (_row, _encoding, done) => {
        seen++
        setImmediate(done)
      },
      final: (done) => {
        isOver = true
        done()
      },
    })
    const piping = pipeline(db('numbers').stream(), sink)
    const later = new Promise<boolean>((resolve, reject) => {
      setImmediate(() => db.raw('select 1').then(() => resolve(seen > 900), reject))
    })
    await piping
    expect([isOver, seen, await later]).toEqual([true, 1000, true])
  })
  expect(warnings).toEqual([])
})

test("L3: knex's own ways to pipe and to handle a stream", async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const collect = () => {
      const ids: number[] = []
      const sink = new Writable({
        objectMode: true,
        write: ({ id }, _encoding, done) => {
          ids.push(id)
          done()
        },
      })
      return { ids, sink }
    }
    const piped = collect()
    await new Promise((resolve) => db('numbers').orderBy('id').pipe(piped.sink).once('finish', resolve))
    expect(piped.ids).toEqual(oneTo(1000))

    const handled = collect()
    await db('numbers')
      .orderBy('id')
      .stream((stream) => void stream.pipe(handled.sink))
    expect(handled.ids).toEqual(oneTo(1000))

    const events: number[] = []
    const stream = db('numbers').orderBy('id').stream()
    stream.on('data', ({ id }) => events.push(id))
    await new Promise((resolve) => stream.once('end', resolve))
    expect(events).toEqual(oneTo(1000))

    expect(
      await db('numbers')
        .orderBy('id')
        .stream()
        .map(({ id }) => id)
        .toArray(),
    ).toEqual(oneTo(1000))
    await db.raw('select 1')
  })
})

test.needs('WRITES_IN_QUERIES')('L3: a statement that a cursor refuses is streamed whole', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const returned = await db('doubled')
      .insert([{ id: 1 }, { id: 2 }])
      .returning('id')
      .stream()
      .toArray()
    expect(returned).toEqual([{ id: 1 }, { id: 2 }])
    const shown = await db.raw('show server_version').stream().toArray()
    expect(shown).toHaveLength(1)
    const written = await db
      .raw('with gone as (delete from doubled returning id) select * from gone order by id')
      .stream()
      .toArray()
    expect(written).toEqual([{ id: 1 }, { id: 2 }])
    await db.raw('select 1')
  })
})

test('L3: hold: false keeps the connection instead of having the server keep the rows', async () => {
  const { sharding, db } = open()
  await warmUp(sharding)
  await sharding.connectedTo({ shard: 'one', checkoutTimeoutMs: 200 }, async () => {
    const ids: number[] = []
    for await (const { id } of db('numbers')
      .orderBy('id')
      .stream({ hold: false } as object)) {
      if (ids.length === 0) expect(await errorOf(() => db.raw('select 1'))).toBeInstanceOf(LeaseBlockedError)
      ids.push(id)
    }
    expect(ids).toEqual(oneTo(1000))
    await db.raw('select 1')
  })
})

test('L3: errors of a stream reach its reader, and leave the connection usable', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const broken = () =>
      db('numbers').orderBy('id').select(db.raw(engine.sql.failsAt500)).stream({ batchSize: 10 })
    const missing = () => db('no_such_table').stream()
    for (const stream of [broken, missing]) {
      expect(await errorOf(() => stream().toArray())).toMatchObject({ code: engine.sql.failures })
      expect(
        await errorOf(() =>
          pipeline(stream(), new Writable({ objectMode: true, write: (_r, _e, d) => d() })),
        ),
      ).toMatchObject({ code: engine.sql.failures })
      await db.raw('select 1')
    }
    await db.transaction(async (trx) => {
      expect(
        await errorOf(() => trx.transaction((inner) => inner('no_such_table').stream().toArray())),
      ).toMatchObject({ code: engine.sql.failures })
      await trx.raw('select 1')
    })
  })
})

test.needs('TWO_WRITERS')(
  'L3: a separate scope has a connection of its own for those who need both at once',
  async () => {
    const { sharding, db } = open()
    await sharding.connectedTo('one', async () => {
      const trx = await db.transaction()
      await trx('doubled').insert({ id: 1 })
      await sharding.connectedTo({ separate: true }, async () => {
        expect(await db('doubled')).toEqual([])
        await db('doubled').insert({ id: 2 })
      })
      await trx.rollback()
      expect(await db('doubled').pluck('id')).toEqual([2])
    })
  },
)
