import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type PostgresServer, type PostgresStandby, startPostgres, startStandby } from '../src/index.ts'
import { expectNoTraces } from '../src/traces.ts'

let primary: PostgresServer
let standby: PostgresStandby

beforeAll(async () => {
  primary = await startPostgres()
  await query(primary.url, 'create table seen as select 0 as n')
  standby = await startStandby(primary)
})
afterAll(() => Promise.all([standby.stop(), primary.stop()]))

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {}) // A server that ends tells its idle connections so.
  await client.connect()
  try {
    return (await client.query({ text, rowMode: 'array' })).rows.flat()
  } finally {
    await client.end()
  }
}

const write = (n: number) => query(primary.url, `update seen set n = ${n}`)
const seen = async () => (await query(standby.url, 'select n from seen'))[0]

test('a standby has what its primary had, and follows it', async () => {
  expect(await seen()).toBe(0)
  await write(1)
  await standby.caughtUp()
  expect(await seen()).toBe(1)
  await primary.createDatabase('later')
  await standby.caughtUp()
  expect(await query(standby.urlOf('later'), 'select current_database()')).toEqual(['later'])
})

test('it is read-only', async () => {
  await expect(query(standby.url, 'create table refused ()')).rejects.toMatchObject({ code: '25006' })
})

test('it lags for as long as its replay is paused', async () => {
  await write(2)
  await standby.caughtUp()
  await standby.pauseReplay()
  await write(3)
  expect(await seen()).toBe(2)
  await standby.resumeReplay()
  await standby.caughtUp()
  expect(await seen()).toBe(3)
})

test('it comes back from a halt and from a kill, and catches up', async () => {
  for (const [n, end] of [
    [4, () => standby.halt()],
    [5, () => standby.kill()],
  ] as const) {
    await end()
    await write(n)
    await expect(seen()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await standby.restart()
    await standby.caughtUp()
    expect(await seen()).toBe(n)
  }
})

test('it serves reads while its primary is gone, and follows it when it is back', async () => {
  await write(6)
  await standby.caughtUp()
  await primary.kill()
  expect(await seen()).toBe(6)
  await primary.restart()
  await write(7)
  await standby.caughtUp()
  expect(await seen()).toBe(7)
})

test('a copy taken in the midst of writes is whole, and a stop leaves nothing of it', async () => {
  await query(primary.url, 'create table rows (id int primary key, twin int)')
  let isDone = false
  const writing = (async () => {
    const client = new pg.Client({ connectionString: primary.url })
    await client.connect()
    let id = 0
    for (; !isDone; id++) await client.query(`insert into rows values (${id}, ${id})`)
    await client.end()
    return id
  })()
  const second = await startStandby(primary)
  isDone = true
  const count = await writing
  await second.caughtUp()
  expect(await query(second.url, 'select count(*)::int, sum(id - twin)::int from rows')).toEqual([count, 0])
  await second.stop()
  expectNoTraces(second)
})
