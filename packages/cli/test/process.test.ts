import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'
import { rowsOf } from './support/databases.ts'
import { folder } from './support/folder.ts'
import { SherdProcess } from './support/process.ts'

const url = await createDatabase()
const config = folder({ 'shards/shard_0.yaml': `client: pg\nconnection: ${url}\ntenants: [acme]` })

test('the program says by its exit code what came of it', async () => {
  const unknown = new SherdProcess(['stauts'])
  expect(await unknown.ended()).toEqual({ exitCode: 2, signal: null })
  expect([unknown.stdout, unknown.stderr]).toEqual([
    '',
    "sherd: unknown command 'stauts' (Did you mean status?)\n",
  ])
})

test('it ends by itself, whatever a module of the application keeps open, and takes its connections along', async () => {
  const modules = folder({
    'app.mjs': `setInterval(() => {}, 1000)
export default { shards: { shard_0: { client: 'pg', connection: ${JSON.stringify(url)} } } }`,
  })
  const status = new SherdProcess(['status', '--json', '--sharding', `${modules}/app.mjs`])
  expect(await status.ended()).toEqual({ exitCode: 0, signal: null })
  expect(JSON.parse(status.stdout).shards).toMatchObject([{ shard: 'shard_0', reachable: true }])
  const sessions = await rowsOf(
    url,
    'select count(*) from pg_stat_activity where datname = current_database()',
  )
  // The one that asks.
  expect(sessions).toEqual([['1']])
})

test('nobody has to read to the end', async () => {
  const status = new SherdProcess(['status', '--config', config])
  status.stopReading()
  expect(await status.ended()).toEqual({ exitCode: 0, signal: null })
  expect(status.stderr).toBe('')
})
