import { LeaseRevokedError, ScopeEndedError } from '@sherd/core'
import { beforeEach, expect } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { insertNumbers } from '../support/numbers.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'

const url = await engine.createDatabase()
beforeEach(() => runSql(url, 'drop table if exists items', 'create table items (id int)'))

function open() {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1, checkoutTimeoutMs: 20_000 } } })
  const isAtRest = () => {
    const { active, idle } = sharding.stats().shards['one']?.writing ?? { active: -1, idle: -1 }
    return active === 0 && idle === 1
  }
  return { sharding, db: sharding.db, isAtRest }
}

test.needs('SERVER')(
  'L5: when a job has settled, whatever it left queued is refused and its connection goes back',
  async () => {
    const { sharding, db, isAtRest } = open()
    const view = await ServerView.open(url)
    const queued: Promise<Error>[] = []
    let onTheWire: Promise<unknown> | undefined
    await sharding.connectedTo('one', async () => {
      onTheWire = db
        .raw(`select 'answered' as text, ${engine.sql.sleep(0.2)} as slept`)
        .then((answer) => engine.rows(answer))
      await until(() => view.running(engine.sql.sleeping))
      queued.push(
        errorOf(() => db('items').insert({ id: 1 })),
        errorOf(() => db.transaction(() => db('items').insert({ id: 2 }))),
        errorOf(() => db('items').stream().toArray()),
        errorOf(() => db.batchInsert('items', [{ id: 3 }])),
      )
    })
    for (const error of await Promise.all(queued)) expect(error).toBeInstanceOf(ScopeEndedError)
    expect(await onTheWire).toMatchObject([{ text: 'answered' }])
    await until(isAtRest)
    expect(await view.query('select * from items')).toEqual([])
  },
)

test.needs('SERVER')(
  'L5: the connection is handed on only when the query on the wire has settled',
  async () => {
    const { sharding, db } = open()
    const view = await ServerView.open(url)
    const order: string[] = []
    let stray: Promise<unknown> | undefined
    const pid = await sharding.connectedTo('one', async () => {
      const own = await backendPid(db)
      // Longer than a session may take to be brought back to its baseline.
      stray = db.raw(`select ${engine.sql.sleep(0.6)}`).then(() => order.push('stray query'))
      await until(() => view.running(engine.sql.sleeping))
      return own
    })
    await sharding.connectedTo('one', async () => {
      order.push('next scope')
      expect(await backendPid(db)).toBe(pid)
    })
    await stray
    expect(order).toEqual(['stray query', 'next scope'])
  },
)

test('L5: code that outlives its job gets nothing more from its scope', async () => {
  const { sharding, db, isAtRest } = open()
  const ended = deferred()
  const late: Promise<Error>[] = []
  await sharding.connectedTo('one', async () => {
    const afterwards = async (use: () => unknown) => {
      await ended.promise
      return errorOf(use)
    }
    late.push(
      afterwards(() => db('items').insert({ id: 1 })),
      afterwards(() => db.raw('select 1')),
      afterwards(() => db.schema.dropTable('items')),
      afterwards(() => db.transaction(async () => {})),
      afterwards(() => db.transaction()),
      afterwards(() => db('items').stream().toArray()),
      afterwards(() => sharding.releaseConnection()),
      afterwards(() => sharding.withRawConnection(async () => 1)),
      afterwards(() => db.migrate.latest()),
    )
  })
  ended.resolve()
  for (const error of await Promise.all(late)) expect(error).toBeInstanceOf(ScopeEndedError)
  await until(isAtRest)
})

test('L5: a nested scope that has settled refuses its strays, on the shared connection too', async () => {
  const { sharding, db } = open()
  const late: Promise<Error>[] = []
  await sharding.connectedTo('one', async () => {
    const ended = deferred()
    await sharding.connectedTo('one', () => {
      const uses = [
        () => db('items').insert({ id: 1 }),
        () => db('items').stream().toArray(),
        () => db.transaction(() => expect.unreachable()),
        () => sharding.withRawConnection(() => expect.unreachable()),
      ]
      late.push(...uses.map((use) => ended.promise.then(() => errorOf(use))))
    })
    ended.resolve()
    for (const error of await Promise.all(late)) expect(error).toBeInstanceOf(ScopeEndedError)
    await db('items').insert({ id: 2 })
    expect(await db('items').pluck('id')).toEqual([2])
  })
})

test('L5: a job that settles ends the scopes inside it that have a connection of their own', async () => {
  const other = openSharding({ one: { connection: url, pool: { max: 3 } } })
  const { db } = other
  const left: Promise<Error>[] = []
  await other.connectedTo('one', async () => {
    const begun = deferred()
    const inner = other.connectedTo({ separate: true }, () =>
      other.connectedTo({ separate: true }, () =>
        db.transaction(async () => {
          await db('items').insert({ id: 1 })
          begun.resolve()
          await new Promise(() => {})
        }),
      ),
    )
    left.push(errorOf(() => inner))
    await begun.promise
  })
  expect(await left[0]).toBeInstanceOf(ScopeEndedError)
  await until(() => other.stats().shards['one']?.writing.active === 0)
  expect(await other.connectedTo('one', () => db('items'))).toEqual([])
})

test.needs('SERVER')(
  'L5: what a settled nested scope had queued on the shared connection does not run any more',
  async () => {
    const { sharding, db } = open()
    const view = await ServerView.open(url)
    await sharding.connectedTo('one', async () => {
      const sleeping = db.raw(`select ${engine.sql.sleep(0.2)}`).then()
      await until(() => view.running(engine.sql.sleeping))
      let queued: Promise<Error> | undefined
      await sharding.connectedTo('one', () => {
        queued = errorOf(() => db('items').insert({ id: 1 }))
      })
      await sleeping
      expect(await queued).toBeInstanceOf(ScopeEndedError)
      expect(await db('items')).toEqual([])
    })
  },
)

test('L5: an open transaction is rolled back at once when its job has settled', async () => {
  const { sharding, db, isAtRest } = open()
  const left: Promise<Error>[] = []
  await sharding.connectedTo('one', async () => {
    const begun = deferred()
    left.push(
      errorOf(() =>
        db.transaction(async () => {
          await db('items').insert({ id: 1 })
          begun.resolve()
          await new Promise(() => {})
        }),
      ),
    )
    await begun.promise
  })
  expect(await left[0]).toBeInstanceOf(ScopeEndedError)
  await until(isAtRest)
  const view = await ServerView.open(url)
  if (engine.hasServer) expect((await view.sessions()).map(({ state }) => state)).toEqual(['idle'])
  expect(await view.query('select * from items')).toEqual([])
})

test('L5: a transaction without a callback is rolled back when its job has settled', async () => {
  const { sharding, db, isAtRest } = open()
  const trx = await sharding.connectedTo('one', async () => {
    const begun = await db.transaction()
    await begun('items').insert({ id: 1 })
    // A transaction is a function, no promise: it can be returned.
    return begun
  })
  await until(isAtRest)
  expect((await errorOf(() => trx('items'))).message).toMatch(/settled|ended/)
  expect(await errorOf(() => trx.commit())).toMatchObject({ code: /ENDED/ })
  expect(await sharding.connectedTo('one', () => db('items'))).toEqual([])
})

test('L5: a scope that settles while BEGIN is on its way runs no callback and leaves nothing open', async () => {
  const { sharding, db, isAtRest } = open()
  const left: Promise<Error>[] = []
  let begun = deferred()
  db.on('query', ({ sql }) => /^BEGIN\b/.test(sql) && begun.resolve())
  const settleMeanwhile = () =>
    sharding.connectedTo('one', async () => {
      begun = deferred()
      left.push(errorOf(() => db.transaction(() => expect.unreachable())))
      await begun.promise
    })
  await settleMeanwhile()
  await sharding.connectedTo('one', async () => {
    await settleMeanwhile()
    await db('items').insert({ id: 1 })
    const view = await ServerView.open(url)
    expect(await view.query('select id from items')).toEqual([{ id: 1 }])
  })
  for (const error of await Promise.all(left)) expect(error).toBeInstanceOf(ScopeEndedError)
  await until(isAtRest)
})

test('L5: open streams are destroyed when their job has settled', async () => {
  const { sharding, db, isAtRest } = open()
  await runSql(url, insertNumbers('items', 1000))
  const iterated = deferred<Error>()
  const flowing = deferred<Error>()
  await sharding.connectedTo('one', async () => {
    const started = deferred()
    void errorOf(async () => {
      for await (const _row of db('items').stream()) {
        started.resolve()
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }).then(iterated.resolve)
    await started.promise
  })
  await sharding.connectedTo('one', async () => {
    const stream = db('items').stream({ highWaterMark: 1 })
    const started = deferred()
    stream.once('error', flowing.resolve)
    stream.once('data', () => {
      stream.pause()
      started.resolve()
    })
    await started.promise
  })
  expect(await iterated.promise).toBeInstanceOf(ScopeEndedError)
  expect(await flowing.promise).toBeInstanceOf(ScopeEndedError)
  await until(isAtRest)
  const { cursors } = engine.sql
  if (cursors !== undefined)
    await sharding.connectedTo('one', async () => expect(await db(cursors)).toEqual([]))
})

test('L5: an open stream that nobody listens to for errors does not end the process', async () => {
  const { sharding, db, isAtRest } = open()
  await runSql(url, insertNumbers('items', 1000))
  await sharding.connectedTo('one', async () => {
    const stream = db('items').stream({ highWaterMark: 1 })
    await new Promise((resolve) => stream.once('data', () => resolve(stream.pause())))
  })
  await until(isAtRest)
})

test('L5: a raw BEGIN is rolled back when its job has settled', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    await db.raw('begin')
    await db('items').insert({ id: 1 })
  })
  await sharding.connectedTo('one', async () => {
    expect(await db('items')).toEqual([])
    const rows = engine.rows(await db.raw(`select ${engine.sql.transaction} as open`))
    expect(rows).toEqual([{ open: null }])
  })
})

test.needs('EVENTS')('L5: a raw connection is revoked before anybody else gets it', async () => {
  const { sharding, isAtRest } = open()
  type Client = {
    query(sql: string): Promise<unknown>
    on(event: string, listener: () => void): Client
    processID: number
  }
  const kept: Client[] = []
  await sharding.connectedTo('one', async () => {
    await sharding.withRawConnection(async (connection: Client) => {
      kept.push(
        connection,
        connection.on('notice', () => {}),
      )
      await engine.query(connection, 'select 1')
    })
    const begun = deferred()
    void sharding
      .withRawConnection(async (connection: Client) => {
        kept.push(connection)
        begun.resolve()
        await new Promise(() => {})
      })
      .catch(() => {})
    await begun.promise
  })
  await until(isAtRest)
  expect(kept).toHaveLength(3)
  for (const connection of kept) {
    expect(() => connection.query('select 1')).toThrow(LeaseRevokedError)
    expect(() => connection.processID).toThrow(LeaseRevokedError)
  }
})

test.needs('NOTICES')('L5: listeners that a raw connection was given do not outlive its use', async () => {
  const { sharding, db } = open()
  type Client = { on(event: string, listener: (notice: { message?: string }) => void): Client }
  const heard: unknown[] = []
  await sharding.connectedTo('one', () =>
    sharding.withRawConnection(async (connection: Client) => {
      connection.on('notice', ({ message }) => heard.push(message))
      connection.on('notification', (message) => heard.push(message))
      await db.raw("do $$ begin raise notice 'mine'; end $$")
    }),
  )
  expect(heard).toEqual(['mine'])
  await sharding.connectedTo('one', () => db.raw("do $$ begin raise notice 'another tenant''s'; end $$"))
  expect(heard).toEqual(['mine'])
})

test('L5: withRawConnection is one turn, and the ambient db works inside it', async () => {
  const { sharding, db } = open()
  await sharding.connectedTo('one', async () => {
    const order: string[] = []
    const [entered, asked] = [deferred(), deferred()]
    const raw = sharding.withRawConnection(async (connection: object) => {
      entered.resolve()
      await asked.promise
      await engine.query(connection, 'begin')
      await db('items').insert({ id: 1 })
      await engine.query(connection, 'rollback')
      order.push('raw')
    })
    await entered.promise
    const sibling = db('items')
      .insert({ id: 2 })
      .then(() => order.push('sibling'))
    asked.resolve()
    await Promise.all([raw, sibling])
    expect(order).toEqual(['raw', 'sibling'])
    expect(await db('items').pluck('id')).toEqual([2])
  })
})
