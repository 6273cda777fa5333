import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { db } from '../../src/index.ts'
import { openSharding } from '../support/open-sharding.ts'

const url = `${await createDatabase()}?options=-c%20app.own%3Dours&application_name=app%20one`

test.each([
  ['a URL', url],
  ['an object with a URL', { connectionString: url }],
  ['a function that yields a URL', () => url],
  ['a function that yields an object', async () => ({ connectionString: url })],
])('what `session` declares is set beside the start-up options of %s', async (_kind, connection) => {
  const sharding = openSharding({ shard_0: { connection, session: { 'app.declared': 'a b' } } })
  const rows = await sharding.connectedTo('shard_0', async () => {
    const names = ['app.own', 'app.declared', 'application_name']
    return Promise.all(names.map(async (name) => (await db.raw('select current_setting(?)', [name])).rows[0]))
  })
  expect(rows.map(({ current_setting }) => current_setting)).toEqual(['ours', 'a b', 'app one'])
})
