import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
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

test('standard output is the answer alone, whatever migrations and modules print', async () => {
  const files = folder({
    'app.mjs': `console.log('printed by a module')
export default { shards: { shard_0: { client: 'pg', connection: ${JSON.stringify(url)} } } }`,
    'migrations/1_prints.cjs': `exports.up = async () => console.log('printed by a migration')
exports.down = async () => {}`,
  })
  const argv = ['--json', '--sharding', `${files}/app.mjs`, '--directory', `${files}/migrations`]
  const migrate = new SherdProcess(['migrate', 'latest', ...argv])
  expect(await migrate.ended()).toEqual({ exitCode: 0, signal: null })
  expect(JSON.parse(migrate.stdout)).toMatchObject({ ok: true, counts: { migrated: 1 } })
  expect(migrate.stderr).toMatch(/^printed by a module$[\s\S]*^printed by a migration$/m)
})

test('what is ended before it has an answer has failed', async () => {
  const files = folder({
    'exits.mjs': 'process.exit(0)',
    'waits.mjs': 'await new Promise(() => {})',
    'migrations/2_exits.cjs': 'exports.up = () => process.exit(0)\nexports.down = () => {}',
  })
  const ended = [
    new SherdProcess(['check', '--sharding', `${files}/exits.mjs`]),
    new SherdProcess(['check', '--sharding', `${files}/waits.mjs`]),
    new SherdProcess([
      ...['migrate', 'latest', '--config', config, '--directory', `${files}/migrations`],
      ...['--table', 'of_their_own'],
    ]),
  ]
  for (const each of ended) {
    expect(await each.ended()).toEqual({ exitCode: 1, signal: null })
    expect([each.stdout, each.stderr]).toEqual([
      '',
      expect.stringMatching(/^sherd: the process has ended before there was an answer$/m),
    ])
  }
})

test.runIf(existsSync('/dev/full'))(
  'an answer that cannot be written is a failure, in one line',
  async () => {
    await using full = await open('/dev/full', 'w')
    const check = new SherdProcess(['check', '--config', config], { stdout: full.fd })
    expect(await check.ended()).toEqual({ exitCode: 1, signal: null })
    expect(check.stderr).toMatch(/^sherd: the answer cannot be written: ENOSPC\b.*\n$/)
  },
)
