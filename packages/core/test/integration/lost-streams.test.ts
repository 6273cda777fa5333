import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { ConnectionLostError } from '@sherd/core'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { openSharding } from '../support/open-sharding.ts'
import { runSql } from '../support/run-sql.ts'
import { until } from '../support/until.ts'

const url = await createDatabase()

function open() {
  const sharding = openSharding({ one: { connection: url, pool: { max: 1, checkoutTimeoutMs: 1000 } } })
  const nothingLent = () =>
    until(() => sharding.stats().shards['one']?.writing.active === 0 && 'nothing lent')
  return { sharding, db: sharding.db, nothingLent }
}

/** Ends a session; settles when it has ended. */
const kill = (pid: number) => runSql(url, `select pg_terminate_backend(${pid}, 5000)`)

/** All errors that a stream tells until it is closed. */
async function errorsOf(stream: Readable): Promise<Error[]> {
  const errors: Error[] = []
  stream.on('error', (error) => errors.push(error))
  await new Promise((resolve) => stream.once('close', resolve))
  return errors
}

const ROWS = 'select n from generate_series(1, 100000) as n'
/** After the first rows the server works for a minute on the next. */
const ROWS_THEN_NONE = `select n, pg_sleep(case when n > 200 then 60 else 0 end) from generate_series(1, 100000) as n`

test('fault 14: a stream that flows ends with an error when its session is killed while it waits for rows', async () => {
  const { sharding, db, nothingLent } = open()
  await sharding.connectedTo('one', async () => {
    const pid = await backendPid(db)
    const stream = db.raw(ROWS_THEN_NONE).stream() as Readable
    const errors = errorsOf(stream)
    await once(stream, 'data')
    await kill(pid)
    expect(await errors).toEqual([expect.any(ConnectionLostError)])
  })
  await nothingLent()
})

test('fault 14: a stream that rests ends with an error when it goes on after its session was killed', async () => {
  const { sharding, db, nothingLent } = open()
  await sharding.connectedTo('one', async () => {
    const pid = await backendPid(db)
    const stream = db.raw(ROWS).stream() as Readable
    const errors = errorsOf(stream)
    await once(stream, 'data')
    stream.pause()
    await kill(pid)
    stream.resume()
    expect(await errors).toEqual([expect.any(ConnectionLostError)])
  })
  await nothingLent()
})

test('fault 14: a stream that was destroyed gives its connection back although its session is killed', async () => {
  const { sharding, db, nothingLent } = open()
  await sharding.connectedTo('one', async () => {
    const pid = await backendPid(db)
    const stream = db.raw(ROWS_THEN_NONE).stream() as Readable
    await once(stream, 'data')
    stream.destroy()
    await kill(pid)
  })
  await nothingLent()
  expect(await sharding.connectedTo('one', () => db.raw('select 1 as one'))).toMatchObject({
    rows: [{ one: 1 }],
  })
})
