import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { backendPid } from '../support/backend-pid.ts'
import { openSharding } from '../support/open-sharding.ts'
import { proxyWithoutOptions } from '../support/proxy-without-options.ts'
import { runSql } from '../support/run-sql.ts'

test('L8: where a proxy takes no start-up options, declared settings are set after connecting and after each scrub', async () => {
  const database = await createDatabase()
  await runSql(database, 'create schema "odd, name"', 'create schema app')
  const proxy = await proxyWithoutOptions(database)
  const sharding = openSharding(
    {
      shard_0: {
        connection: proxy.url,
        session: { statement_timeout: '7s', 'app.greeting': "it's \\ here" },
      },
    },
    { pool: { max: 1 }, knex: { searchPath: ['odd, name', 'app'] } },
  )
  const { db } = sharding
  const look = () =>
    sharding.connectedTo('shard_0', async () => {
      const { rows } = await db.raw(
        `select current_setting('statement_timeout') as timeout, current_setting('app.greeting') as greeting,
           current_schemas(false)::text as path`,
      )
      const pid = await backendPid(db)
      await db.raw("set statement_timeout = '1s'; set app.greeting = 'mine'; set search_path = public")
      return { ...rows[0], pid }
    })
  const first = await look()
  expect(first).toMatchObject({
    timeout: '7s',
    greeting: "it's \\ here",
    path: '{"odd, name",app}',
  })
  expect(await look()).toEqual(first)
  expect(await look()).toEqual(first)
  // Once refused, it is not asked again.
  expect(proxy.refusedCount()).toBe(1)
})
