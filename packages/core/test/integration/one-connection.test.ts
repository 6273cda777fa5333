import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { engine, test } from '../support/engine.ts'
import { insertNumbers } from '../support/numbers.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'

const url = await engine.createDatabase()
await runSql(
  url,
  'create table log (pid int, what text)',
  'create table numbers (id int)',
  insertNumbers('numbers', 300),
)

/** knex declares that the schema builder answers with nothing. */
function pidIn(answer: unknown): number | undefined {
  return engine.rows(answer)[0]?.pid
}

test('L1: everything that a scope does with db runs on one connection', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 5 } } })
  const { db } = sharding
  const opened: number[] = []
  const look = () => opened.push(sharding.stats().shards['one']?.writing.total as number)

  const seen: Record<string, unknown> = {}
  const pid = await sharding.connectedTo('one', async () => {
    const own = await backendPid(db)
    const session = () => db.raw(engine.sql.session)
    const pidColumn = () => db.raw(`${engine.sql.session} as pid`)

    seen['builder'] = (await db.select(pidColumn()).first())?.pid
    seen['schema'] = pidIn(await db.schema.raw(`select ${engine.sql.session} as pid`))
    seen['stream'] = (await db('numbers').limit(1).select(pidColumn()).stream().toArray())[0].pid
    const piped = await new Promise((resolve) => {
      db('numbers').limit(1).select(pidColumn()).stream().once('data', resolve)
    })
    seen['stream that flows'] = (piped as { pid: number }).pid
    seen['transaction'] = await db.transaction((trx) => backendPid(trx))
    seen['ambient in a transaction'] = await db.transaction(() => backendPid(db))
    seen['savepoint'] = await db.transaction((trx) => trx.transaction((inner) => backendPid(inner)))
    const trx = await db.transaction()
    seen['transaction without a callback'] = await backendPid(trx)
    await trx.commit()
    seen['withRawConnection'] = await sharding.withRawConnection(
      async (connection: object) =>
        (await engine.query(connection, `select ${engine.sql.session} as pid`))[0]?.pid,
    )
    seen['nested scope'] = await sharding.connectedTo('one', () => backendPid(db))
    await db.batchInsert(
      'log',
      [
        { pid: session(), what: 'batch' },
        { pid: session(), what: 'batch' },
      ] as never,
      1,
    )
    look()

    const folder = await mkdtemp(join(tmpdir(), 'sherd-test-'))
    const insert = (what: string) =>
      `knex('log').insert({ pid: knex.raw(${JSON.stringify(engine.sql.session)}), what: '${what}' })`
    await writeFile(
      join(folder, '1_first.cjs'),
      `exports.up = (knex) => ${insert('migrate')}; exports.down = (knex) => ${insert('rollback')}`,
    )
    await db.migrate.latest({ directory: folder })
    await db.migrate.rollback({ directory: folder })
    await db.migrate.latest({ directory: folder, disableTransactions: true })
    const seeds = await mkdtemp(join(tmpdir(), 'sherd-test-'))
    await writeFile(join(seeds, 'seed.cjs'), `exports.seed = (knex) => ${insert('seed')}`)
    await db.seed.run({ directory: seeds })
    look()

    const log = await db('log').select('what').distinct('pid').orderBy('what')
    expect(log.map(({ what }) => what)).toEqual(['batch', 'migrate', 'rollback', 'seed'])
    for (const { what, pid } of log) seen[what] = pid
    return own
  })

  for (const [kind, where] of Object.entries(seen)) expect(where, kind).toBe(pid)
  expect(opened).toEqual([1, 1])
})

test('L1: many queries at once open no second connection', async () => {
  const sharding = openSharding({ one: { connection: url, pool: { max: 5 } } })
  const { db } = sharding
  await sharding.connectedTo('one', async () => {
    const pids = await Promise.all([
      ...Array.from({ length: 10 }, () => backendPid(db)),
      db.transaction(() => backendPid(db)),
      db('numbers')
        .limit(1)
        .select(db.raw(`${engine.sql.session} as pid`))
        .first(),
    ])
    expect(new Set(pids.map((pid) => (typeof pid === 'number' ? pid : pid?.pid))).size).toBe(1)
    expect(sharding.stats().shards['one']?.writing.total).toBe(1)
  })
})
