import {
  ConnectionLostError,
  LeaseBlockedError,
  ScopeEndedError,
  type Sharding,
  TransactionAbortedError,
  TransactionEndedError,
} from '@sherd/core'
import type { Knex } from 'knex'
import { beforeEach, expect } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { deferred } from '../support/deferred.ts'
import { can, engine, test } from '../support/engine.ts'
import { errorOf } from '../support/error-of.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { ServerView } from '../support/server-view.ts'
import { until } from '../support/until.ts'
import { warmUp } from '../support/warm-up.ts'

const url = await engine.createDatabase()

beforeEach(() => runSql(url, 'drop table if exists items', 'create table items (id int)'))

const open = () => openSharding({ one: { connection: url, pool: { max: 1, checkoutTimeoutMs: 20_000 } } })
/** Waits for nobody who leaves the connection idle for longer. */
const impatient = { shard: 'one', checkoutTimeoutMs: 200 }
const ids = async (db: Knex) => (await db('items').orderBy('id')).map(({ id }) => id)
const failure = new Error('on purpose')

/** Waits until somebody else has the connection of the scope, and lies idle in a transaction. */
async function idleInTransaction(view: ServerView) {
  await until(async () => (await view.sessions()).some(({ state }) => state === 'idle in transaction'))
}

test('L4: of two transactions side by side, one of which throws, exactly the other stays', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const settled = await Promise.allSettled([
      db.transaction(async (trx) => {
        await trx('items').insert({ id: 1 })
        await db('items').insert({ id: 2 })
        throw failure
      }),
      db.transaction(async (trx) => {
        await trx('items').insert({ id: 3 })
        await db('items').insert({ id: 4 })
      }),
    ])
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(await ids(db)).toEqual([3, 4])
  })
})

test('L4: a plain query beside an open transaction of a sibling branch is not rolled back with it', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const [begun, asked] = [deferred(), deferred()]
    const transaction = db.transaction(async () => {
      await db('items').insert({ id: 1 })
      begun.resolve()
      await asked.promise
      throw failure
    })
    await begun.promise
    const sibling = db('items').insert({ id: 2 }).then()
    const count = db('items').count('* as n').first().then()
    asked.resolve()
    expect(await errorOf(() => transaction)).toBe(failure)
    await sibling
    expect(await count).toMatchObject({ n: expect.toSatisfy((n) => Number(n) === 1) })
    expect(await ids(db)).toEqual([2])
  })
})

test('L4: inside its callback the ambient db is the transaction, at any depth of calls', async () => {
  const sharding = open()
  const { db } = sharding
  const callee = async () => {
    await Promise.resolve()
    await db('items').insert({ id: 1 })
    await db.raw('insert into items values (2)')
  }
  await sharding.connectedTo('one', async () => {
    const pid = await backendPid(db)
    expect(db.isTransaction).toBeUndefined()
    const error = await errorOf(() =>
      db.transaction(async (trx) => {
        expect(db.isTransaction).toBe(true)
        await callee()
        expect(await ids(trx)).toEqual([1, 2])
        expect(await backendPid(db)).toBe(pid)
        throw failure
      }),
    )
    expect(error).toBe(failure)
    expect(db.isTransaction).toBeUndefined()
    expect(await ids(db)).toEqual([])
  })
})

test.needs('TRANSACTIONAL_DDL')('L4: a schema change inside of a transaction belongs to it', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const error = await errorOf(() =>
      db.transaction(async () => {
        await db.schema.createTable('made_inside', (table) => void table.integer('id'))
        throw failure
      }),
    )
    expect(error).toBe(failure)
    expect(await db.schema.hasTable('made_inside')).toBe(false)
  })
})

test('L4: the transaction resolves with what its callback returns, a builder included', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    expect(await db.transaction(async () => 42)).toBe(42)
    expect(await db.transaction(() => db('items').insert({ id: 1 }))).toBeDefined()
    expect(await db.transaction(() => db('items'))).toEqual([{ id: 1 }])
    expect(await db.transaction((trx) => trx('items').pluck('id'))).toEqual([1])
    await db.transaction((trx) => trx('items').insert({ id: 2 }))
    expect(await ids(db)).toEqual([1, 2])
  })
})

test('L4: a nested transaction is a savepoint', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.transaction(async () => {
      await db('items').insert({ id: 1 })
      const error = await errorOf(() =>
        db.transaction(async () => {
          await db('items').insert({ id: 2 })
          await db.transaction(() => db('items').insert({ id: 3 }))
          throw failure
        }),
      )
      expect(error).toBe(failure)
      await db.transaction(() => db('items').insert({ id: 4 }))
    })
    expect(await ids(db)).toEqual([1, 4])
  })
})

test('L4: two savepoints side by side, one of which throws: exactly the other stays', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.transaction(async () => {
      await Promise.allSettled([
        db.transaction(async () => {
          await db('items').insert({ id: 1 })
          throw failure
        }),
        db('items').insert({ id: 2 }),
        db.transaction(() => db('items').insert({ id: 3 })),
      ])
    })
    expect(await ids(db)).toEqual([2, 3])
  })
})

test('L4: a nested transaction whose statement failed leaves the outer one usable', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.transaction(async () => {
      await db('items').insert({ id: 1 })
      await errorOf(() => db.transaction(() => db.raw('select * from no_such_table')))
      // Here the failure is swallowed, so that RELEASE fails where a failed statement fails its transaction.
      const swallowed = db.transaction(async () => {
        await errorOf(() => db.raw('select * from no_such_table'))
      })
      await (can('ABORTED_TRANSACTIONS') ? errorOf(() => swallowed) : swallowed)
      await db('items').insert({ id: 2 })
    })
    expect(await ids(db)).toEqual([1, 2])
  })
})

test('L4: queries that a transaction did not await run inside it before its COMMIT', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.transaction(async () => {
      void db('items').insert({ id: 1 }).then()
      void db('items').insert({ id: 2 }).then()
    })
    expect(await ids(db)).toEqual([1, 2])
  })
})

test('L4: the ambient db of a transaction that has ended rejects, and never falls back to the scope', async () => {
  const sharding = open()
  const { db } = sharding
  const ended = deferred()
  const stray: Promise<Error>[] = []
  await sharding.connectedTo('one', async () => {
    for (const outcome of ['commit', 'roll back']) {
      await db
        .transaction(async (trx) => {
          const late = async (query: () => PromiseLike<unknown>) => {
            await ended.promise
            return errorOf(query)
          }
          stray.push(
            late(() => db('items').insert({ id: 1 })),
            late(() => trx('items').insert({ id: 2 })),
            late(() => db.raw('insert into items values (3)')),
            late(() => db.transaction(() => db('items').insert({ id: 4 }))),
            late(() => sharding.withTransaction(trx, () => db('items').insert({ id: 5 }))),
            late(() => db('items').stream().toArray()),
            late(() => db.batchInsert('items', [{ id: 6 }])),
          )
          if (outcome === 'roll back') throw failure
        })
        .catch(() => {})
    }
    ended.resolve()
    for (const error of await Promise.all(stray)) expect(error).toBeInstanceOf(TransactionEndedError)
    expect(await ids(db)).toEqual([])
  })
})

test('L4: those who wait are refused once the connection has lain idle under the holder, by its name', async () => {
  const sharding = open()
  const { db } = sharding
  await warmUp(sharding)
  await sharding.connectedTo(impatient, async () => {
    const begun = deferred<string>()
    const refused = deferred()
    const transaction = db.transaction(async (trx) => {
      await trx.raw('select 1')
      begun.resolve('')
      await refused.promise
      await trx('items').insert({ id: 1 })
    })
    await begun.promise
    const since = performance.now()
    const errors = await Promise.all([
      errorOf(() => db('items').insert({ id: 2 })),
      errorOf(() => db.transaction(() => db('items').insert({ id: 3 }))),
      errorOf(() => db('items').stream().toArray()),
      errorOf(() => db.schema.dropTable('items')),
    ])
    expect(performance.now() - since).toBeGreaterThan(190)
    for (const error of errors) {
      expect(error).toBeInstanceOf(LeaseBlockedError)
      expect(error.message).toMatch(/transaction trx\d+/)
    }
    refused.resolve()
    await transaction
    expect(await ids(db)).toEqual([1])
  })
})

test.needs('SERVER')(
  "L4: time in which the holder's queries run does not count against those who wait",
  async () => {
    const sharding = open()
    const { db } = sharding
    await warmUp(sharding)
    const view = await ServerView.open(url)
    await sharding.connectedTo(impatient, async () => {
      const transaction = db.transaction((trx) => trx.raw(`select ${engine.sql.sleep(0.9)}`))
      await until(() => view.running(engine.sql.sleeping))
      await Promise.all([db('items').insert({ id: 1 }), transaction])
      expect(await ids(db)).toEqual([1])
    })
  },
)

test('L4: a transaction without a callback holds the connection and makes nothing ambient', async () => {
  const sharding = open()
  const { db } = sharding
  await warmUp(sharding)
  await sharding.connectedTo(impatient, async () => {
    const trx = await db.transaction()
    expect(db.isTransaction).toBeUndefined()
    await trx('items').insert({ id: 1 })
    expect(await errorOf(() => db('items'))).toBeInstanceOf(LeaseBlockedError)
    await sharding.withTransaction(trx, async () => {
      expect(db.isTransaction).toBe(true)
      await db('items').insert({ id: 2 })
      await db.transaction(() => db('items').insert({ id: 3 }))
      expect(await ids(db)).toEqual([1, 2, 3])
    })
    expect(db.isTransaction).toBeUndefined()
    await trx.rollback()
    expect(await ids(db)).toEqual([])
    const second = await db.transaction()
    await second('items').insert({ id: 4 })
    await second.commit()
    expect(await ids(db)).toEqual([4])
  })
})

test('L4: a transaction provider begins once, when it is first asked', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const provide = db.transactionProvider()
    await db('items').insert({ id: 1 })
    const trx = await provide()
    expect(await provide()).toBe(trx)
    await trx('items').insert({ id: 2 })
    await trx.rollback()
    expect(await ids(db)).toEqual([1])
  })
})

test.needs('ABORTED_TRANSACTIONS')('L4: a COMMIT that the server answers with ROLLBACK rejects', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const swallowed = db.transaction(async () => {
      await db('items').insert({ id: 1 })
      await errorOf(() => db.raw('select * from no_such_table'))
    })
    expect(await errorOf(() => swallowed)).toBeInstanceOf(TransactionAbortedError)
    const trx = await db.transaction()
    await errorOf(() => trx.raw('select * from no_such_table'))
    expect(await errorOf(() => trx.commit())).toBeInstanceOf(TransactionAbortedError)
    expect(await ids(db)).toEqual([])
  })
})

test('L4: a commit resolves only if the server has committed, however often it is asked', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const trx = await db.transaction()
    await trx('items').insert({ id: 1 })
    await Promise.all([trx.commit(), trx.commit()])
    await trx.commit()
    await trx.rollback()
    const second = await db.transaction()
    await second('items').insert({ id: 2 })
    await second.rollback()
    expect(await errorOf(() => second.commit())).toBeInstanceOf(TransactionEndedError)
    await second.rollback()
    await db.transaction(async (third) => {
      await third('items').insert({ id: 3 })
      await third.commit()
    })
    await db.transaction(async (fourth) => {
      await fourth('items').insert({ id: 4 })
      await fourth.rollback()
    })
    expect(await ids(db)).toEqual([1, 3])
  })
})

test.needs('DEFERRED_CONSTRAINTS')(
  'L4: a COMMIT that fails on a deferred constraint rejects with what the server says',
  async () => {
    await runSql(url, 'alter table items add constraint once unique (id) deferrable initially deferred')
    const sharding = open()
    const { db } = sharding
    await sharding.connectedTo('one', async () => {
      const twice = db.transaction(async () => {
        await db('items').insert({ id: 1 })
        await db('items').insert({ id: 1 })
      })
      expect(await errorOf(() => twice)).toMatchObject({ code: '23505' })
      const trx = await db.transaction()
      await trx('items').insert([{ id: 1 }, { id: 1 }])
      expect(await errorOf(() => trx.commit())).toMatchObject({ code: '23505' })
      await db('items').insert({ id: 2 })
      expect(await ids(db)).toEqual([2])
    })
  },
)

test.needs('SLOW_COMMIT')('L4: a COMMIT during which the backend is killed rejects as unknown', async () => {
  await runSql(
    url,
    `create or replace function dawdle() returns trigger language plpgsql as
     $$ begin perform pg_sleep(60); return null; end $$`,
    `create constraint trigger dawdle after insert on items deferrable initially deferred
     for each row execute function dawdle()`,
  )
  const sharding = open()
  const { db } = sharding
  const view = await ServerView.open(url)
  const error = await errorOf(() =>
    sharding.connectedTo('one', async () => {
      // It may be told before the one who kills it is.
      const outcome = errorOf(() => db.transaction(() => db('items').insert({ id: 1 })))
      const { pid } = await until(() => view.running('COMMIT')).then((session) => session as { pid: number })
      await view.terminate(pid)
      throw await outcome
    }),
  )
  expect(error).toMatchObject({ code: 'SHARD_ERR_COMMIT_UNKNOWN', cause: { code: '57P01' } })
  expect(await sharding.connectedTo('one', () => ids(db))).toEqual([])
})

test.needs('SERVER')(
  'L4: a COMMIT on a connection that was already dead rejects, and is not called unknown',
  async () => {
    const sharding = open()
    const { db } = sharding
    const view = await ServerView.open(url)
    const error = await errorOf(() =>
      sharding.connectedTo('one', () =>
        db.transaction(async (trx) => {
          await trx('items').insert({ id: 1 })
          await view.terminate(await backendPid(trx))
          await until(async () => (await errorOf(() => trx.raw('select 1'))) instanceof ConnectionLostError)
        }),
      ),
    )
    expect(error.code).not.toBe('SHARD_ERR_COMMIT_UNKNOWN')
    expect(await sharding.connectedTo('one', () => ids(db))).toEqual([])
  },
)

test.needs('SERVER')('L4: BEGIN that fails runs no callback', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const { pid } = { pid: await backendPid(db) }
    const view = await ServerView.open(url)
    await view.terminate(pid)
    await until(async () => (await view.sessions()).length === 0)
    await errorOf(() => db.transaction(() => expect.unreachable()))
    await errorOf(() => db.transaction())
  })
})

test.needs('ISOLATION_LEVELS')('L4: isolation level and read-only mode reach the server', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const level = await db.transaction(() => db.raw(engine.sql.isolation), {
      isolationLevel: 'repeatable read',
    })
    expect(engine.rows(level)).toEqual([{ transaction_isolation: 'repeatable read' }])
    const readOnly = await db.transaction(() => db.raw(engine.sql.readOnly), { readOnly: true })
    expect(engine.rows(readOnly)).toEqual([{ transaction_read_only: 'on' }])
  })
})

test('L4: ending the outer transaction inside the nested one ends both', async () => {
  const sharding = open()
  const { db } = sharding
  await warmUp(sharding)
  const nestedError = deferred<Error>()
  await sharding.connectedTo(impatient, async () => {
    const outcome = db.transaction(async (outer) => {
      await outer('items').insert({ id: 1 })
      const nested = outer.transaction(async (inner) => {
        await inner('items').insert({ id: 2 })
        await outer.rollback()
      })
      nestedError.resolve(await errorOf(() => nested))
    })
    await outcome
    expect(await nestedError.promise).toBeInstanceOf(TransactionEndedError)
    expect(await ids(db)).toEqual([])
    await db('items').insert({ id: 3 })
  })
  expect(await sharding.connectedTo('one', () => ids(db))).toEqual([3])
})

test('L4: a copy of knex from before the transaction begins a savepoint inside it', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const copy = db.withUserParams({})
    const error = await errorOf(() =>
      db.transaction(async () => {
        await copy.transaction(async (inner) => {
          await inner('items').insert({ id: 1 })
        })
        await copy('items').insert({ id: 2 })
        throw failure
      }),
    )
    expect(error).toBe(failure)
    expect(await ids(db)).toEqual([])
  })
})

test('L4: a transaction that a nested scope left open is rolled back there, and the outer scope goes on', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const left = deferred<Promise<unknown>>()
    await sharding.connectedTo('one', async () => {
      const begun = deferred()
      const transaction = db.transaction(async () => {
        await db('items').insert({ id: 1 })
        begun.resolve()
        await new Promise(() => {})
      })
      await begun.promise
      left.resolve(errorOf(() => transaction))
    })
    expect(await left.promise).toBeInstanceOf(ScopeEndedError)
    await db('items').insert({ id: 2 })
    const view = await ServerView.open(url)
    expect(await view.query('select id from items')).toEqual([{ id: 2 }])
  })
})

test('L4: a transaction without a callback that a nested scope left open is rolled back there', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    let trx!: Knex.Transaction
    await sharding.connectedTo('one', async () => {
      trx = await db.transaction()
      await trx('items').insert({ id: 1 })
    })
    await db('items').insert({ id: 2 })
    const view = await ServerView.open(url)
    expect(await view.query('select id from items')).toEqual([{ id: 2 }])
    expect(await errorOf(() => trx('items'))).toMatchObject({ code: /ENDED/ })
  })
})

test('L4: a savepoint that a nested scope left open is rolled back there, and the transaction goes on', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    await db.transaction(async () => {
      await db('items').insert({ id: 1 })
      await sharding.connectedTo('one', async () => {
        const trx = await db.transaction()
        await trx('items').insert({ id: 2 })
      })
      await db('items').insert({ id: 3 })
    })
    expect(await ids(db)).toEqual([1, 3])
  })
})

test('L4: what ends inside an ended nested scope is rolled back, not left open', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const [scopeEnded, left] = [deferred(), deferred<Promise<unknown>>()]
    await sharding.connectedTo('one', async () => {
      const begun = deferred()
      const transaction = db.transaction(async () => {
        await db('items').insert({ id: 1 })
        begun.resolve()
        await scopeEnded.promise
      })
      await begun.promise
      left.resolve(errorOf(() => transaction))
    })
    scopeEnded.resolve()
    expect(await left.promise).toBeInstanceOf(ScopeEndedError)
    await db('items').insert({ id: 2 })
    expect(await new Promise((resolve) => resolve(ids(db)))).toEqual([2])
    const view = await ServerView.open(url)
    expect(await view.query('select id from items')).toEqual([{ id: 2 }])
  })
})

test('L4: a transaction that cannot commit because a savepoint was left open is rolled back', async () => {
  const sharding = open()
  const { db } = sharding
  await warmUp(sharding)
  await sharding.connectedTo(impatient, async () => {
    const error = await errorOf(() =>
      db.transaction(async () => {
        await db('items').insert({ id: 1 })
        const forgotten = await db.transaction()
        await forgotten('items').insert({ id: 2 })
      }),
    )
    expect(error).toBeInstanceOf(LeaseBlockedError)
    await db('items').insert({ id: 3 })
    const view = await ServerView.open(url)
    expect(await view.query('select id from items')).toEqual([{ id: 3 }])
  })
})

test.needs('SERVER')('L4: nobody runs before a rollback that waits for a slow query', async () => {
  const sharding = open()
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const view = await ServerView.open(url)
    const slow = deferred<Promise<unknown>>()
    const transaction = db.transaction(async () => {
      await db('items').insert({ id: 1 })
      // Longer than the 5 seconds after which knex itself gives up on a ROLLBACK.
      slow.resolve(db.raw(`select ${engine.sql.sleep(5.5)}`).then())
      await until(() => view.running(engine.sql.sleeping))
      throw failure
    })
    await until(() => view.running(engine.sql.sleeping))
    const sibling = db('items').insert({ id: 2 }).then()
    expect(await errorOf(() => transaction)).toBe(failure)
    await Promise.all([sibling, slow.promise])
    expect(await view.query('select id from items')).toEqual([{ id: 2 }])
  })
})

test.needs('TRANSACTION_STATES')(
  'L4: a transaction begun by a branch while its sibling waits leaves no session in a transaction',
  async () => {
    const sharding: Sharding = open()
    const { db } = sharding
    const view = await ServerView.open(url)
    await sharding.connectedTo('one', async () => {
      const trx = await db.transaction()
      await trx.raw('select 1')
      await idleInTransaction(view)
      const waiting = Promise.all([
        db('items').insert({ id: 1 }),
        db.transaction(() => db('items').insert({ id: 2 })),
      ])
      await trx.commit()
      await waiting
      expect((await view.sessions()).map(({ state }) => state)).toEqual(['idle'])
    })
  },
)
