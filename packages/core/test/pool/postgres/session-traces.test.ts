import { once } from 'node:events'
import { createDatabase } from '@sherd/local-servers/test-database'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import type { PostgresConnection } from '../../../src/pool/postgres/postgres-connection.ts'
import { SchemaChanges } from '../../../src/pool/postgres/proof/schema-changes.ts'
import { SessionTraces } from '../../../src/pool/postgres/proof/session-traces.ts'
import { runSql } from '../../support/run-sql.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const MAX_AGE_MS = 1000

async function openDatabase() {
  const url = await createDatabase()
  await runSql(url, 'create table items (id int)')
  const clock = new SteppedClock()
  const changes = new SchemaChanges()
  /** A session in its baseline, as it is lent. */
  const open = async (baseline = '') => {
    const connection = new pg.Client(url) as unknown as PostgresConnection
    await connection.connect()
    await connection.query(baseline)
    onTestFinished(() => connection.end())
    const traces = new SessionTraces({ connection, changes, clock, maxAgeMs: MAX_AGE_MS })
    const send = async (sql: string, isBuilt = true) => {
      connection.isSendingBuilt = isBuilt
      const sent = connection.query(sql)
      connection.isSendingBuilt = false
      await sent
    }
    await traces.settle()
    return { connection, traces, send }
  }
  return { url, clock, changes, open }
}

const SELECT = 'select "id" from "items"'
const INSERT = 'insert into "items" ("id") values (1)'

test('L8: what was sent counts as harmless only if the builder made it', async () => {
  const { open } = await openDatabase()
  const { traces, send } = await open()
  expect(traces.isClean).toBe(true)
  await send(SELECT)
  expect(traces.isClean).toBe(true)
  await send(SELECT, false)
  expect(traces.isClean).toBe(false)
})

test('L8: what is known of the catalogue holds for catalogueMaxAgeMs', async () => {
  const { url, clock, open } = await openDatabase()
  const { traces, send } = await open()
  await runSql(
    url,
    `create function soil() returns trigger language plpgsql as $$
       begin perform set_config('app.tenant', 'acme', false); return new; end $$`,
    'create trigger g before insert on items for each row execute function soil()',
  )
  await send(INSERT)
  clock.advance(MAX_AGE_MS)
  expect(traces.isClean).toBe(true)
  clock.advance(1)
  expect(traces.isClean).toBe(false)

  traces.prepare()
  await traces.settle()
  await send(SELECT)
  expect(traces.isClean).toBe(true)
  await send(INSERT)
  expect(traces.isClean).toBe(false)
})

test('L8: a change of the schema counts for all sessions at once, and until they have looked again', async () => {
  const { open } = await openDatabase()
  const [one, other] = await Promise.all([open(), open()])
  await one.send(SELECT)
  await other.send('begin', false)
  await other.send('alter table items add column a text', false)
  expect(one.traces.isClean).toBe(false)
  // Whoever looks now does not see it.
  one.traces.prepare()
  await one.traces.settle()
  expect(one.traces.isClean).toBe(false)
  await other.send('commit')
  expect(one.traces.isClean).toBe(false)
  other.traces.prepare()
  expect(one.traces.isClean).toBe(false)
  one.traces.prepare()
  await one.traces.settle()
  expect(one.traces.isClean).toBe(true)
})

test('L8: a change of the schema is over when its session ends', async () => {
  const { changes, open } = await openDatabase()
  const { connection, send } = await open()
  await send('create table more (id int)', false)
  expect(changes.isUnderWay).toBe(true)
  await connection.end()
  expect(changes.isUnderWay).toBe(false)
})

test('L8: a catalogue that takes long is looked at less often', async () => {
  const { clock, changes, open } = await openDatabase()
  const { traces } = await open()
  const settle = async (tookMs: number) => {
    traces.prepare()
    const settled = traces.settle()
    clock.advance(tookMs)
    await settled
  }
  changes.begin(traces)
  changes.end(traces)
  await settle(50)
  expect(traces.isClean).toBe(true)
  changes.begin(traces)
  changes.end(traces)
  await settle(0)
  expect(traces.isClean).toBe(false)
  clock.advance(50 * 20)
  await settle(0)
  expect(traces.isClean).toBe(true)
})

const unasked: Record<string, (connection: PostgresConnection) => Promise<void>> = {
  "a setting that it tells of: perform set_config('TimeZone', 'Asia/Tokyo', false)": async () => {},
  'that the session listens: listen news; notify news': async (connection) => {
    await once(connection, 'notification')
  },
}
for (const [what, told] of Object.entries(unasked)) {
  test(`L8: the server says by itself what the catalogue did not: ${what}`, async () => {
    const { url, open } = await openDatabase()
    const { connection, traces, send } = await open()
    await runSql(
      url,
      `create function soil() returns trigger language plpgsql as $$ begin ${what.split(': ')[1]}; return new; end $$`,
      'create trigger g before insert on items for each row execute function soil()',
    )
    const heard = told(connection)
    await send(INSERT)
    await heard
    expect(traces.isClean).toBe(false)
  })
}

test('L8: a session that may not read the catalogue is never clean', async () => {
  const { url, open } = await openDatabase()
  const role = `${new URL(url).pathname.slice(1)}_role`
  await runSql(
    url,
    `create role ${role}`,
    `grant select on items to ${role}`,
    'revoke select on pg_trigger from public',
  )
  onTestFinished(() => runSql(url, `drop owned by ${role}`, `drop role ${role}`))
  const { traces, send } = await open(`set role ${role}`)
  expect(traces.isClean).toBe(false)
  await send(SELECT)
})
